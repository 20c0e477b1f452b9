"""The stack that workflow/template.yaml describes: its resolved references, names, roles and policies."""

import re
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path

import yaml

TEMPLATE = Path(__file__).parents[2] / "workflow" / "template.yaml"
REGION, ACCOUNT = "us-east-1", "123456789012"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "loja",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/loja/0a1b2c3d",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::Glue::Job": "arn:aws:glue:{region}:{account}:job/{name}",
    "AWS::Glue::Workflow": "arn:aws:glue:{region}:{account}:workflow/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}",
    "AWS::Lambda::Function": "arn:aws:lambda:{region}:{account}:function:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
}


@cache
def parse(text):
    """Parse a template; the cached tree must not be changed. Without libyaml, parsing takes half a second."""
    return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class Stack:
    """A template with its parameters; a resource without a name is named after the stack and its logical name."""

    def __init__(self, template=TEMPLATE, **parameters):
        self._template = parse(Path(template).read_text(encoding="utf-8"))
        defaults = {name: given.get("Default", "") for name, given in self._template["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        self.parameters = defaults | parameters

    def resources(self, kind):
        """Map the logical name of each created resource of a type to its resolved properties."""
        return {
            name: self.properties(name)
            for name, resource in self._template["Resources"].items()
            if resource["Type"] == kind and self._is_made(resource)
        }

    @property
    def outputs(self):
        """The value of each output by its key."""
        made = {key: told for key, told in self._template["Outputs"].items() if self._is_made(told)}
        return {key: self.resolve(told["Value"]) for key, told in made.items()}

    def properties(self, logical):
        return self.resolve(self._template["Resources"][logical].get("Properties", {}))

    def name(self, logical):
        """Return the physical name of a resource."""
        resource = self._template["Resources"][logical]
        for key in ("BucketName", "Name", "FunctionName", "RoleName", "QueueName", "LogGroupName", "TopicName"):
            if isinstance(given := resource.get("Properties", {}).get(key), str | dict):
                return self.resolve(given)
        if resource["Type"] == "AWS::Glue::Database":
            return self.resolve(resource["Properties"]["DatabaseInput"]["Name"])
        return f"loja-{logical.lower()}"

    def arn(self, logical):
        kind = self._template["Resources"][logical]["Type"]
        service = kind.split("::")[1].lower()
        shape = ARNS.get(kind, f"arn:aws:{service}:{{region}}:{{account}}:{{name}}")
        return shape.format(name=self.name(logical), region=REGION, account=ACCOUNT)

    def resolve(self, value):
        """Return the value with its intrinsic functions resolved."""
        if isinstance(value, list):
            return [done for done in map(self.resolve, value) if done is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, given),) = value.items()
            if function == "Ref":
                return self._reference(given)
            if function.startswith("Fn::"):
                return getattr(self, "_" + function.removeprefix("Fn::").lower())(given)
        resolved = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in resolved.items() if inner is not None}

    def _reference(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        kind = self._template["Resources"][name]["Type"]
        by_arn = {"AWS::SecretsManager::Secret", "AWS::SNS::Topic", "AWS::IAM::ManagedPolicy"}
        return self.arn(name) if kind in by_arn else self.name(name)

    def _sub(self, given):
        text, own = (given[0], self.resolve(given[1])) if isinstance(given, list) else (given, {})

        def value(match):
            name = match[1]
            if name in own:
                return str(own[name])
            return str(self._getatt(name.split(".", 1)) if "." in name else self._reference(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", value, text)

    def _getatt(self, given):
        logical, attribute = given.split(".", 1) if isinstance(given, str) else given
        return self.arn(logical) if attribute.endswith("Arn") else f"{self.name(logical)}.{attribute}"

    def _join(self, given):
        return given[0].join(map(str, self.resolve(given[1])))

    def _split(self, given):
        return self.resolve(given[1]).split(given[0])

    def _select(self, given):
        return self.resolve(given[1])[int(given[0])]

    def _getazs(self, _):
        return [f"{REGION}{letter}" for letter in "abc"]

    def _if(self, given):
        return self.resolve(given[1] if self.condition(given[0]) else given[2])

    def condition(self, name):
        return self._holds(self._template["Conditions"][name])

    def _holds(self, test):
        ((function, given),) = test.items()
        return {
            "Fn::Equals": lambda: len({str(self.resolve(side)) for side in given}) == 1,
            "Fn::Not": lambda: not self._holds(given[0]),
            "Fn::And": lambda: all(map(self._holds, given)),
            "Fn::Or": lambda: any(map(self._holds, given)),
            "Condition": lambda: self.condition(given),
        }[function]()

    def _is_made(self, resource):
        return "Condition" not in resource or self.condition(resource["Condition"])

    def role_of(self, logical):
        """Return the logical name of the role of a job or function."""
        (role,) = [
            name for name in self.resources("AWS::IAM::Role") if self.arn(name) == self.properties(logical)["Role"]
        ]
        return role

    @cached_property
    def policies(self):
        """The policy statements of each role, by its ARN."""
        roles = {
            self.arn(name): [s for policy in role.get("Policies", []) for s in policy["PolicyDocument"]["Statement"]]
            for name, role in self.resources("AWS::IAM::Role").items()
        }
        for policy in self.resources("AWS::IAM::Policy").values():
            for role in policy["Roles"]:
                roles[f"arn:aws:iam::{ACCOUNT}:role/{role}"] += policy["PolicyDocument"]["Statement"]
        return roles

    def allows(self, role, action, resource, context):
        """Return whether the role's own policies allow an action by IAM's rule: an Allow is needed; any Deny wins."""
        applying = [s for s in self.policies[role] if _applies(s, action, resource, context)]
        return any(s["Effect"] == "Allow" for s in applying) and all(s["Effect"] == "Allow" for s in applying)


def _applies(statement, action, resource, context):
    return (
        any(fnmatchcase(action.lower(), pattern.lower()) for pattern in _listed(statement["Action"]))
        and any(fnmatchcase(resource, _literal(pattern)) for pattern in _listed(statement["Resource"]))
        and all(_holds(test, wanted, context) for test, wanted in statement.get("Condition", {}).items())
    )


def _holds(test, wanted, context):
    compared = {"StringEquals": str.__eq__, "StringLike": lambda value, shape: fnmatchcase(value, _literal(shape))}[
        test
    ]
    return all(
        key in context and any(compared(context[key], shape) for shape in _listed(shapes))
        for key, shapes in wanted.items()
    )


def _literal(pattern):
    """Escape brackets for fnmatch, since IAM has only the wildcards * and ?."""
    return pattern.replace("[", "[[]")


def _listed(value):
    return value if isinstance(value, list) else [value]
