"""moto's server, with an answer that it lacks: as it has no locks, no snapshot is locked."""

from moto.ec2.responses import EC2Response
from moto.server import main

NO_LOCKS = (
    '<DescribeLockedSnapshotsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
    "<requestId>59dbff89-35bd-4eac-99ed-be587EXAMPLE</requestId><snapshotSet/>"
    "</DescribeLockedSnapshotsResponse>"
)

# Once moto has its own, that is the one to use.
assert not hasattr(EC2Response, "describe_locked_snapshots")
EC2Response.describe_locked_snapshots = lambda _: NO_LOCKS

main()
