"""That `model` sees what boto3 would not."""

import unittest

from botocore.session import get_session

import model


def look(service: str, operation: str, body: str, status: int = 200) -> None:
    found = get_session().get_service_model(service).operation_model(operation)
    model.look(found, {"body": body.encode(), "status_code": status})


def volume(inside: str) -> str:
    return f'<R xmlns="x"><volumeSet><item>{inside}</item></volumeSet></R>'


class Model(unittest.TestCase):
    def refused(self, words: str, *answer) -> None:
        with self.assertRaisesRegex(model.Unmodelled, words):
            look(*answer)

    def test_ec2(self):
        look("ec2", "DescribeVolumes", volume("<volumeId>v</volumeId><size>8</size>"))
        for inside, words in [
            ("<volumeID>v</volumeID>", "no member volumeID"),
            ("<size>8</size><size>8</size>", "size twice"),
            ("<size>8.0</size>", "no integer"),
            ("<encrypted>False</encrypted>", "no boolean"),
            ("<status>ready</status>", "no string"),
            ("<createTime>2026-03-02 02:00</createTime>", "no timestamp"),
            ("<tagSet><member/></tagSet>", "lists member instead of item"),
        ]:
            self.refused(words, "ec2", "DescribeVolumes", volume(inside))

    def test_query(self):
        def answer(inside):
            return f"<R><DescribeDBInstancesResult>{inside}</DescribeDBInstancesResult></R>"

        look("rds", "DescribeDBInstances", answer("<DBInstances><DBInstance/></DBInstances>"))
        self.refused("lists member", "rds", "DescribeDBInstances",
                     answer("<DBInstances><member/></DBInstances>"))

    def test_errors_of_the_query_protocol(self):
        def error(code):
            return f"<R><Error><Code>{code}</Code></Error></R>"

        look("rds", "DescribeDBInstances", error("DBInstanceNotFound"), 404)
        self.refused("model: 404", "rds", "DescribeDBInstances", error("DBInstanceNotFound"), 400)
        self.refused("declares no error", "rds", "DescribeDBInstances",
                     error("DBInstanceNotFoundFault"), 404)

    def test_json(self):
        look("dynamodb", "DescribeTable", '{"Table": {"CreationDateTime": 1.5}}')
        for inside, words in [
            ('"Tablename": "x"', "no member Tablename"),
            ('"ItemCount": 1.5', "no long"),
            ('"TableStatus": "READY"', "no string"),
            ('"KeySchema": [{"AttributeName": "id"}]', "lacks KeyType"),
        ]:
            self.refused(words, "dynamodb", "DescribeTable", f'{{"Table": {{{inside}}}}}')
        self.refused("declares no error", "dynamodb", "DescribeTable",
                     '{"__type": "x#ResourceInUseException"}', 400)


if __name__ == "__main__":
    unittest.main()
