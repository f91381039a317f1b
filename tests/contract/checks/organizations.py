"""Organizations: what is right below a unit."""

from aws import refused, same
from fleet import HUB, MEMBER


def check_an_account_is_listed_below_its_parent(aws):
    """ListAccountsForParent lists the accounts right below a root, in pages, each with its state.

    Source: Organizations API reference, ListAccountsForParent
    """
    organizations = aws.client("organizations", region="us-east-1")
    found, token = [], None
    while True:
        more = {"NextToken": token} if token else {}
        page = organizations.list_accounts_for_parent(ParentId="r-sim1", MaxResults=2, **more)
        found += page["Accounts"]
        token = page.get("NextToken")
        if not token:
            break
    states = {it["Id"]: it["State"] for it in found}
    same((states.get(HUB), states.get(MEMBER)), ("ACTIVE", "ACTIVE"))


def check_units_are_listed_below_their_parent(aws):
    """ListOrganizationalUnitsForParent of a root without units has none.

    Source: Organizations API reference, ListOrganizationalUnitsForParent
    """
    organizations = aws.client("organizations", region="us-east-1")
    page = organizations.list_organizational_units_for_parent(ParentId="r-sim1")
    same(page["OrganizationalUnits"], [])


def check_a_parent_that_does_not_exist_is_not_found(aws):
    """What is below a unit that does not exist cannot be listed.

    Source: Organizations API reference, ListAccountsForParent, errors
    """
    with refused("ParentNotFoundException", 400):
        aws.client("organizations", region="us-east-1").list_accounts_for_parent(
            ParentId="ou-sim1-99999999")


def check_a_page_has_at_most_twenty_accounts(aws):
    """MaxResults is 20 at most.

    Source: Organizations API reference, ListAccountsForParent, MaxResults
    """
    with refused("InvalidInputException", 400):
        aws.client("organizations", region="us-east-1").list_accounts_for_parent(
            ParentId="r-sim1", MaxResults=21)


def check_a_member_may_not_ask(aws):
    """Only the management account and delegated administrators may list accounts.

    Source: Organizations API reference, ListAccountsForParent
    """
    with refused("AccessDeniedException", 400):
        aws.client("organizations", MEMBER, "us-east-1").list_accounts_for_parent(
            ParentId="r-sim1")
