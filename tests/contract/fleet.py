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
    """What is there before a check begins. The simulator is told of it in the words of a fleet
    file; elsewhere it is made by operations, some of which the simulator has no need of."""

    count = itertools.count(1)

    def volume(self, size=8, tags=None, account=HUB, region=HOME, **more) -> str:
        """A volume of so many GiB that is not attached. More as CreateVolume takes it."""
        if self.simulated:
            return self.put("volume", account, region, size=size, tags=tags or {}, **more)
        return self.client("ec2", account, region).create_volume(
            AvailabilityZone=f"{region}a", Size=size, VolumeType="gp3",
            TagSpecifications=tag_specification("volume", tags or {}), **more)["VolumeId"]

    def instance(self, tags=None, account=HUB, region=HOME, kind="t3.micro") -> str:
        """A running instance with one volume."""
        if self.simulated:
            return self.put("instance", account, region, kind=kind, tags=tags or {})
        ec2 = self.client("ec2", account, region)
        image = ec2.register_image(Name=f"base-{next(self.count)}", RootDeviceName="/dev/sda1")
        made = ec2.run_instances(
            ImageId=image["ImageId"], MinCount=1, MaxCount=1, InstanceType=kind,
            TagSpecifications=tag_specification("instance", tags or {}))
        return made["Instances"][0]["InstanceId"]

    def database(self, name, tags=None, account=HUB, region=HOME) -> str:
        """An available database instance. Its ARN."""
        if self.simulated:
            return self.put("database", account, region, name=name, tags=tags or {})
        return self.client("rds", account, region).create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro",
            MasterUsername="someone", MasterUserPassword="something", AllocatedStorage=20,
            Tags=tag_list(tags or {}))["DBInstance"]["DBInstanceArn"]

    def cluster(self, name, tags=None, account=HUB, region=HOME) -> str:
        """An available database cluster. Its ARN."""
        if self.simulated:
            return self.put("cluster", account, region, name=name, tags=tags or {})
        return self.client("rds", account, region).create_db_cluster(
            DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="someone",
            MasterUserPassword="something", Tags=tag_list(tags or {}))["DBCluster"]["DBClusterArn"]

    def key(self, account=HUB, region=HOME, users=()) -> str:
        """A key that its account may use, and these others. Its ARN."""
        if self.simulated:
            return self.put("key", account, region, users=list(users))
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
            return self.put("role", account, HOME, name=name, trust=trust, policy=policy)
        iam = self.client("iam", account)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=json.dumps(policy))
        return made["Role"]["Arn"]
