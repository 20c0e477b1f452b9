"""A stub of Glue's API of interactive sessions: it executes statements in one Python process per session.

Requests and responses are validated against botocore's model of the API.
"""

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import botocore.session
from botocore.validate import ParamValidator

PYTHON = [sys.executable, Path(__file__).with_name("sessions_python.py")]
LONG_POLL_SECONDS = 1
NOT_TOLD = {"Tags", "RequestOrigin", "Timeout"}  # parameters of a session that the API does not return
IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/ana</Arn><UserId>AIDAANA</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Refused(Exception):
    """An error of the API: its code and message."""


class Statement:
    def __init__(self, number, code, future):
        self.number, self.code, self.future = number, code, future

    def told(self):
        told = {"Id": self.number, "Code": self.code, "State": "RUNNING"}
        if self.future.done():
            output = self.future.result()
            told |= {"State": "CANCELLED" if output is None else "AVAILABLE"} | ({"Output": output} if output else {})
        return told


class Session:
    """The request that created a session, its status, and the process that executes its statements one by one."""

    def __init__(self, asked):
        self.asked, self.status, self.statements = asked, "PROVISIONING", []
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("VENDAS_", "AWS_"))}
        self.python = subprocess.Popen(PYTHON, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean)
        self._one_at_a_time = ThreadPoolExecutor(max_workers=1)

    def run(self, code):
        statement = Statement(len(self.statements) + 1, code, self._one_at_a_time.submit(self._answer, code))
        self.statements.append(statement)
        return statement

    def _answer(self, code):
        print(json.dumps(code), file=self.python.stdin, flush=True)
        return json.loads(self.python.stdout.readline() or "null")

    def told(self):
        kept = {name: value for name, value in self.asked.items() if name not in NOT_TOLD}
        return kept | {"Status": self.status} | ({"ErrorMessage": "no capacity"} if self.status == "FAILED" else {})

    def end(self):
        self.python.kill()
        self.python.wait()
        self._one_at_a_time.shutdown()
        self.python.stdin.close()
        self.python.stdout.close()


class GlueSessions:
    """The API and its record of requests: `calls` in order, and `outside`, the other hosts that clients tried to reach.

    `faults` maps an operation to a function of the request that raises Refused, or returns a response to use instead.
    """

    def __init__(self):
        self.sessions, self.calls, self.outside, self.faults = {}, [], [], {}
        self._model = botocore.session.Session().get_service_model("glue")

    def asked(self, operation):
        return [request for name, request in self.calls if name == operation]

    def answer(self, operation, request):
        model = self._model.operation_model(operation)
        _check(request, model.input_shape)
        self.calls.append((operation, request))
        changed = self.faults.get(operation, lambda request: None)(request)
        answer = changed or getattr(self, operation)(request)
        _check(answer, model.output_shape)
        return answer

    def CreateSession(self, request):
        if request["Id"] in self.sessions:
            raise Refused("AlreadyExistsException", f"Session already exists: {request['Id']}")
        self.sessions[request["Id"]] = session = Session(request)
        return {"Session": session.told()}

    def GetSession(self, request):
        session = self._session(request["Id"])
        told = session.told()
        if session.status == "PROVISIONING":
            session.status = "READY"
            told = session.told()
        return {"Session": told}

    def ListSessions(self, _):
        return {"Ids": [*self.sessions], "Sessions": [session.told() for session in self.sessions.values()]}

    def StopSession(self, request):
        session = self._session(request["Id"])
        session.status = "STOPPED"
        session.end()
        return {"Id": request["Id"]}

    def DeleteSession(self, request):
        self.StopSession(request)
        del self.sessions[request["Id"]]
        return {"Id": request["Id"]}

    def RunStatement(self, request):
        session = self._session(request["SessionId"])
        if session.status != "READY":
            raise Refused("IllegalSessionStateException", f"Session is in {session.status} status")
        return {"Id": session.run(request["Code"]).number}

    def GetStatement(self, request):
        statement = self._statement(request)
        wait([statement.future], LONG_POLL_SECONDS)
        return {"Statement": statement.told()}

    def ListStatements(self, request):
        return {"Statements": [statement.told() for statement in self._session(request["SessionId"]).statements]}

    def CancelStatement(self, request):
        if not self._statement(request).future.done():
            self._session(request["SessionId"]).python.send_signal(signal.SIGINT)
        return {}

    def _session(self, name):
        if name not in self.sessions:
            raise Refused("EntityNotFoundException", f"Session {name} not found")
        return self.sessions[name]

    def _statement(self, request):
        found = [s for s in self._session(request["SessionId"]).statements if s.number == request["Id"]]
        if not found:
            raise Refused("EntityNotFoundException", f"Statement {request['Id']} not found")
        return found[0]


def _check(given, shape):
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        raise Refused("ValidationException", report.generate_report())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "X-Amz-Target" not in self.headers:  # STS, which uses another protocol
            return self._send(200, "text/xml", IDENTITY)
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        try:
            status, answer = 200, self.server.api.answer(operation, json.loads(body))
        except Refused as refused:
            code, message = refused.args
            status, answer = 400, {"__type": code, "Message": message}
        self._send(status, "application/x-amz-json-1.1", json.dumps(answer))

    def do_CONNECT(self):
        self.server.api.outside.append(self.path)
        self._send(403, "text/plain", "")

    def _send(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Stub:
    """Serves the API on 127.0.0.1 within the block."""

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.api = self.api = GlueSessions()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, args=[0.01], daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        for session in self.api.sessions.values():
            session.end()
