"""mail_sink - what aiosmtpd does with mail in the tests: each message is a file, as it came.

    PYTHONPATH=tests/system python3 -m aiosmtpd -c mail_sink.Keep FOLDER

A file has the envelope in two lines, FROM and TO, and then the message, byte by byte.
"""
import os


class Keep:
    def __init__(self, folder):
        self.folder, self.count = folder, 0

    @classmethod
    def from_cli(cls, parser, *args):
        if len(args) != 1:
            parser.error("mail_sink wants a folder")
        return cls(args[0])

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        path = os.path.join(self.folder, "%04d" % self.count)
        head = "%s\n%s\n" % (envelope.mail_from, ",".join(envelope.rcpt_tos))
        with open(path + ".part", "wb") as file:
            file.write(head.encode() + envelope.content)
        os.rename(path + ".part", path + ".eml")
        return "250 2.0.0 kept"
