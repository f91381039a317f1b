"""What a check needs to be there, and what its parts are called."""

import itertools
import json

# Three accounts. The first is where the callers are at home.
HUB, MEMBER, OTHER = "111122223333", "222233334444", "333344445555"
# Two regions. Calls go to the first unless a check says otherwise.
HOME, AWAY = "eu-west-1", "us-east-1"


def tags_of(resource: dict, key: str = "Tags") -> dict:
    return {tag["Key"]: tag["Value"] for tag in resource.get(key, [])}


def tag_list(tags: dict) -> list:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def tag_specification(kind: str, tags: dict) -> list:
    # Without tags it would be refused.
    return [{"ResourceType": kind, "Tags": tag_list(tags)}] if tags else []


class Fleet:
    """What is there before a check begins. Where AWS has an operation that makes it and the
    simulator has no need of that, the simulator is told of it in the words of a fleet file."""

    def __init__(self):
        self.count = itertools.count(1)
        # As in a fleet file, which holds all there is of accounts.
        self.accounts = {it: {"regions": [HOME, AWAY]} for it in (HUB, MEMBER, OTHER)}

    def put(self, **entries) -> None:
        """Puts entries of a fleet file into the simulator."""
        self.order(fleet={"hub": HUB, "accounts": self.accounts, **entries})

    def volume(self, size=8, tags=None, account=HUB, region=HOME) -> str:
        """A volume of so many GiB that is not attached."""
        made = self.client("ec2", account, region).create_volume(
            AvailabilityZone=f"{region}a", Size=size, VolumeType="gp3",
            TagSpecifications=tag_specification("volume", tags or {}))
        self.pass_time(60)
        return made["VolumeId"]

    def instance(self, tags=None, account=HUB, region=HOME, kind="t3.micro") -> str:
        """A running instance with one volume."""
        ec2 = self.client("ec2", account, region)
        made = ec2.run_instances(
            ImageId=self.image(ec2), MinCount=1, MaxCount=1, InstanceType=kind,
            TagSpecifications=tag_specification("instance", tags or {}))
        self.pass_time(600)
        return made["Instances"][0]["InstanceId"]

    def image(self, ec2) -> str:
        """An image that instances are made of."""
        if self.simulated:
            filters = [{"Name": "name", "Values": ["al2023-*-x86_64"]}]
            return ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
        # moto is started without images.
        return ec2.register_image(Name=f"base-{next(self.count)}",
                                  RootDeviceName="/dev/xvda")["ImageId"]

    def database(self, name, tags=None, account=HUB, region=HOME) -> str:
        """An available database instance. Its ARN."""
        made = self.client("rds", account, region).create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro",
            MasterUsername="someone", MasterUserPassword="something", AllocatedStorage=20,
            Tags=tag_list(tags or {}))
        self.pass_time(7200)
        return made["DBInstance"]["DBInstanceArn"]

    def cluster(self, name, tags=None, account=HUB, region=HOME) -> str:
        """An available database cluster. Its ARN."""
        if self.simulated:
            self.put(clusters=[{"id": name, "account": account, "region": region,
                                "engine": "aurora-postgresql", "members": 0,
                                "tags": tags or {}}])
            return f"arn:aws:rds:{region}:{account}:cluster:{name}"
        return self.client("rds", account, region).create_db_cluster(
            DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="someone",
            MasterUserPassword="something", Tags=tag_list(tags or {}))["DBCluster"]["DBClusterArn"]

    def key(self, account=HUB, region=HOME, users=()) -> str:
        """A key that its account may use, and these others. Its ARN."""
        if self.simulated:
            key = f"11111111-0000-4000-8000-{next(self.count):012x}"
            shared = {"shared-with": list(users)} if users else {}
            self.put(keys=[{"id": key, "account": account, "region": region, **shared}])
            return f"arn:aws:kms:{region}:{account}:key/{key}"
        return self.client("kms", account, region).create_key()["KeyMetadata"]["Arn"]

    def role(self, name, external_id=None, may=("*",), account=MEMBER) -> str:
        """A role that the hub may assume, with this external id if there is one, and that may do
        these actions. Its ARN."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole",
                 "Principal": {"AWS": f"arn:aws:iam::{HUB}:root"}}
        if external_id:
            trust["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
        policy = {"Effect": "Allow", "Action": list(may), "Resource": "*"}
        trust, policy = ({"Version": "2012-10-17", "Statement": [it]} for it in (trust, policy))
        if self.simulated:
            self.accounts[account] |= {"role": name, "trust": trust, "policies": [policy]}
            self.put()
            return f"arn:aws:iam::{account}:role/{name}"
        iam = self.client("iam", account)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
        return made["Role"]["Arn"]
