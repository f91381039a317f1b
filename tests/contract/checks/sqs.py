"""SQS: queues and their messages."""

import json

from aws import refused, same
from fleet import HOME, HUB


def queue(aws, name="jobs", **attributes) -> str:
    made = aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)
    return made["QueueUrl"]


def receive(aws, url, **more) -> list:
    """What there is now; elsewhere than on the simulator it may take a moment."""
    wait = 0 if aws.simulated else 2
    answer = aws.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait,
        MessageSystemAttributeNames=["All"], **more)
    return answer.get("Messages", [])


def count(aws, url) -> tuple:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return tuple(int(found["Attributes"][name]) for name in names)


def check_a_queue_is_made_once(aws):
    """CreateQueue again with the same attributes answers the same queue; with others it fails.

    Source: SQS API reference, CreateQueue
    """
    url = queue(aws, VisibilityTimeout="60")
    same(queue(aws, VisibilityTimeout="60"), url)
    same(aws.client("sqs").get_queue_url(QueueName="jobs")["QueueUrl"], url)
    with refused("QueueAlreadyExists", 400):
        queue(aws, VisibilityTimeout="61")


def check_a_queue_has_defaults(aws):
    """A new queue keeps messages 4 days and hides received ones for 30 seconds.

    Source: SQS API reference, CreateQueue
    """
    url = queue(aws)
    found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    names = ("QueueArn", "VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds",
             "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize")
    same({name: found["Attributes"][name] for name in names}, {
        "QueueArn": f"arn:aws:sqs:{HOME}:{HUB}:jobs", "VisibilityTimeout": "30",
        "MessageRetentionPeriod": "345600", "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0", "MaximumMessageSize": "1048576"})


def check_a_queue_that_does_not_exist_has_its_old_code(aws):
    """What is asked of no queue is AWS.SimpleQueueService.NonExistentQueue.

    Source: SQS API reference, GetQueueUrl, errors
    """
    sqs = aws.client("sqs")
    with refused("AWS.SimpleQueueService.NonExistentQueue", 400):
        sqs.get_queue_url(QueueName="nothing")
    with refused("AWS.SimpleQueueService.NonExistentQueue", 400):
        sqs.receive_message(QueueUrl=queue(aws) + "-nothing")


def check_a_message_is_hidden_until_it_is_deleted(aws):
    """A received message is in flight, and gone once it is deleted.

    Source: SQS Developer Guide, "Visibility timeout"
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sent = sqs.send_message(QueueUrl=url, MessageBody="a job")
    same(count(aws, url), (1, 0))
    [message] = receive(aws, url)
    same((message["Body"], message["MessageId"], message["MD5OfBody"]),
         ("a job", sent["MessageId"], sent["MD5OfMessageBody"]))
    same(message["Attributes"]["ApproximateReceiveCount"], "1")
    same(count(aws, url), (0, 1))
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    same(count(aws, url), (0, 0))


def check_a_message_comes_back(aws):
    """A message that is made visible comes back with another handle, received once more.

    Source: SQS API reference, ChangeMessageVisibility
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    [first] = receive(aws, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"],
                                  VisibilityTimeout=0)
    [second] = receive(aws, url)
    same((second["MessageId"], second["Attributes"]["ApproximateReceiveCount"]),
         (first["MessageId"], "2"))
    same(second["ReceiptHandle"] != first["ReceiptHandle"], True)


def check_a_message_comes_back_after_its_time(aws):
    """A message is visible again after the queue's visibility timeout, and not before.

    Source: SQS Developer Guide, "Visibility timeout"
    """
    sqs, url = aws.client("sqs"), queue(aws, VisibilityTimeout="60")
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    same(len(receive(aws, url)), 1)
    aws.pass_time(59)
    same(len(receive(aws, url)), 0)
    aws.pass_time(1)
    same(len(receive(aws, url)), 1)


check_a_message_comes_back_after_its_time.on = ("simulator",)


def check_a_message_that_is_delayed_comes_later(aws):
    """A message with DelaySeconds is not received before.

    Source: SQS API reference, SendMessage, DelaySeconds
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    same(receive(aws, url), [])
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=url, MessageBody="too late", DelaySeconds=901)


def check_a_message_is_hidden_for_twelve_hours_at_most(aws):
    """A visibility timeout above 43200 seconds is refused with InvalidParameterValue.

    Source: SQS API reference, ChangeMessageVisibility
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    [message] = receive(aws, url)
    with refused("InvalidParameterValue", 400):
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"],
                                      VisibilityTimeout=43201)


def check_what_is_received_too_often_goes_to_the_dead_letter_queue(aws):
    """After maxReceiveCount receives a message moves to the dead-letter queue.

    Source: SQS Developer Guide, "Using dead-letter queues"
    """
    sqs, dead = aws.client("sqs"), queue(aws, "dead")
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:{HOME}:{HUB}:dead", "maxReceiveCount": "2"}
    url = queue(aws, RedrivePolicy=json.dumps(policy))
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")["MessageId"]
    for _ in range(2):
        [message] = receive(aws, url)
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"],
                                      VisibilityTimeout=0)
    same(receive(aws, url), [])
    same([it["MessageId"] for it in receive(aws, dead)], [sent])


def check_batches_have_at_most_ten_different_entries(aws):
    """A batch is empty, too long, or has an id twice: each has its own code.

    Source: SQS API reference, SendMessageBatch, errors
    """
    sqs, url = aws.client("sqs"), queue(aws)

    def send(ids):
        return sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": it, "MessageBody": it} for it in ids])

    answer = send([f"m{n}" for n in range(10)])
    same((len(answer["Successful"]), answer.get("Failed", [])), (10, []))
    for ids, code in [
        ([], "EmptyBatchRequest"),
        ([f"m{n}" for n in range(11)], "TooManyEntriesInBatchRequest"),
        (["m", "m"], "BatchEntryIdsNotDistinct"),
        (["no spaces"], "InvalidBatchEntryId"),
    ]:
        with refused(f"AWS.SimpleQueueService.{code}", 400):
            send(ids)


def check_a_batch_fails_by_entry(aws):
    """Of a batch that deletes, an entry with a bad handle fails and the others do not.

    Source: SQS API reference, DeleteMessageBatch
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    [message] = receive(aws, url)
    answer = sqs.delete_message_batch(QueueUrl=url, Entries=[
        {"Id": "good", "ReceiptHandle": message["ReceiptHandle"]},
        {"Id": "bad", "ReceiptHandle": "forged"}])
    same(([it["Id"] for it in answer["Successful"]],
          [(it["Id"], it["Code"], it["SenderFault"]) for it in answer["Failed"]]),
         (["good"], [("bad", "ReceiptHandleIsInvalid", True)]))
    same(count(aws, url), (0, 0))


def check_a_forged_handle_is_invalid(aws):
    """DeleteMessage with a handle that nobody was given is ReceiptHandleIsInvalid.

    Source: SQS API reference, DeleteMessage, errors
    """
    with refused("ReceiptHandleIsInvalid", 400):
        aws.client("sqs").delete_message(QueueUrl=queue(aws), ReceiptHandle="forged")


def check_a_message_has_a_mebibyte_at_most(aws):
    """A message of 1 MiB is sent; one byte more is InvalidParameterValue.

    Source: SQS Developer Guide, "Amazon SQS message quotas"
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="x" * 2**20)
    with refused("InvalidParameterValue", 400):
        sqs.send_message(QueueUrl=url, MessageBody="x" * (2**20 + 1))


def check_a_queue_is_emptied_and_deleted(aws):
    """PurgeQueue empties a queue; DeleteQueue removes it.

    Source: SQS API reference, PurgeQueue and DeleteQueue
    """
    sqs, url = aws.client("sqs"), queue(aws)
    sqs.send_message(QueueUrl=url, MessageBody="a job")
    sqs.purge_queue(QueueUrl=url)
    aws.pass_time(60)
    same(count(aws, url), (0, 0))
    sqs.delete_queue(QueueUrl=url)
    aws.pass_time(60)
    with refused("AWS.SimpleQueueService.NonExistentQueue", 400):
        sqs.get_queue_url(QueueName="jobs")


def check_attributes_of_messages_are_received(aws):
    """Attributes of a message are received when they are asked for.

    Source: SQS Developer Guide, "Amazon SQS message metadata"
    """
    sqs, url = aws.client("sqs"), queue(aws)
    attributes = {"task": {"DataType": "String", "StringValue": "nightly"}}
    sqs.send_message(QueueUrl=url, MessageBody="a job", MessageAttributes=attributes)
    [message] = receive(aws, url, MessageAttributeNames=["All"])
    same(message["MessageAttributes"], attributes)


def check_queues_are_listed(aws):
    """ListQueues lists the URLs of queues whose names begin so.

    Source: SQS API reference, ListQueues
    """
    one, two = queue(aws, "jobs-one"), queue(aws, "jobs-two")
    queue(aws, "other")
    found = aws.client("sqs").list_queues(QueueNamePrefix="jobs-")
    same(sorted(found["QueueUrls"]), sorted([one, two]))


def check_a_batch_of_messages_comes_back(aws):
    """ChangeMessageVisibilityBatch makes several messages visible again.

    Source: SQS API reference, ChangeMessageVisibilityBatch
    """
    sqs, url = aws.client("sqs"), queue(aws)
    for body in "ab":
        sqs.send_message(QueueUrl=url, MessageBody=body)
    received = []
    while len(received) < 2:
        received += receive(aws, url)
    answer = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[
        {"Id": it["Body"], "ReceiptHandle": it["ReceiptHandle"], "VisibilityTimeout": 0}
        for it in received])
    same(sorted(it["Id"] for it in answer["Successful"]), ["a", "b"])
    same(count(aws, url), (2, 0))
