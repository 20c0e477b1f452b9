"""`make deploy` and `make undeploy` on an emulator: the scripts, the real awscli, moto's CloudFormation.

moto creates buckets, queues, the function, roles, rules, the topic and its key. It does not support Glue jobs,
triggers, connections and workflows, Redshift, schedules, alarms, bucket policies, updates, and the conditions of the
template's Rules. So the tests use an existing warehouse and create the stack once.
"""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import boto3
import pytest
import yaml

import deploy_modules
from helpers.stack import Stack
from test_project import ROOT

pytestmark = [
    pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning"),  # what moto does not support
    pytest.mark.slow,
]
GIVEN = [
    "WarehouseSecretArn=arn:aws:secretsmanager:us-east-1:123456789012:secret:dw",
    "WarehouseCopyRoleArn=arn:aws:iam::123456789012:role/copy",
    "WarehouseClusterId=dw",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Make a copy of the folder with all that is deployed, built by hand."""
    root = tmp_path_factory.mktemp("projeto")
    shutil.copytree(ROOT / "workflow", root / "workflow")
    (root / "build" / "lambda").mkdir(parents=True)
    shutil.copy(ROOT / "lambda" / "handler.py", root / "build" / "lambda")
    (root / "build" / "vendas.gluewheels.zip").write_bytes(b"wheels")
    return root


@pytest.fixture(scope="module")
def call(aws, built):
    """Return a function that runs a script of the copy, with this project's awscli."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": aws.replace("127.0.0.1", "localhost"),  # otherwise moto takes the port for a bucket's name
    }

    def run(script, *words, **variables):
        return subprocess.run(
            [built / "workflow" / script, *words], env=environment | variables, capture_output=True, text=True
        )

    return run


@pytest.fixture(scope="module")
def deployed(aws, built, call):
    """Deploy the stack; return the script's output, and physical names by logical ones. Undeploy it at the end."""
    encrypted_bucket("artefatos", None)
    done = call("deploy", "loja", "artefatos", *GIVEN)
    assert done.returncode == 0, done.stderr
    made = boto3.client("cloudformation").describe_stack_resources(StackName="loja")["StackResources"]
    names = {resource.get("LogicalResourceId"): resource.get("PhysicalResourceId") for resource in made}
    yield done.stdout, names
    done = call("undeploy", "loja")
    assert done.returncode == 0, done.stderr
    assert names["LandingBucket"] in done.stdout and names["LakeBucket"] in done.stdout
    assert boto3.client("cloudformation").describe_stacks()["Stacks"] == []


@pytest.fixture(scope="module")
def network(aws):
    """Create a VPC with a subnet, and the bucket of the artifacts."""
    boto3.client("s3").create_bucket(Bucket="artefatos")
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1b")["Subnet"]
    return {"vpc": vpc, "subnet": made["SubnetId"]}


@pytest.mark.parametrize(
    ("named", "told"),
    [("Arn", ["VpcId={vpc}", "SubnetIds={subnet}"]), ("KeyId", ["SubnetIds={subnet}"]), ("alias", [])],
    ids=["network", "subnet alone", "no network"],
)
def test_keys_and_zones_of_what_is_given_are_looked_up(call, network, named, told):
    kms, bucket = boto3.client("kms"), f"artefatos-{named.lower()}"
    of_bucket, of_secret = (kms.create_key()["KeyMetadata"] for _ in range(2))
    kms.create_alias(AliasName=f"alias/{bucket}", TargetKeyId=of_bucket["KeyId"])
    encrypted_bucket(bucket, {**of_bucket, "alias": f"alias/{bucket}"}[named])
    held = {"Name": bucket, "SecretString": "{}", "KmsKeyId": of_secret["Arn"]}
    secret = boto3.client("secretsmanager").create_secret(**held)["ARN"]
    words = [*GIVEN[1:], *(word.format(**network) for word in told)]
    done = call("deploy", "dado", bucket, f"WarehouseSecretArn={secret}", *words)
    assert done.returncode == 0, done.stderr
    given = parameters_of("dado")
    boto3.client("cloudformation").delete_stack(StackName="dado")
    expected = {"ArtifactsKeyArn": of_bucket["Arn"], "WarehouseSecretKeyArn": of_secret["Arn"]}
    expected |= {"SubnetZone": "us-east-1b", "VpcId": network["vpc"]} if told else {}
    assert {name: given[name] for name in expected} == expected


def test_a_bucket_without_a_key_of_the_users_needs_none(deployed):
    assert parameters_of("loja")["ArtifactsKeyArn"] == ""


def parameters_of(stack):
    """Return the parameters that a stack was given."""
    (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described["Parameters"]}


def test_a_key_that_cannot_be_looked_up_is_said(call, aws):
    encrypted_bucket("artefatos-alheios", "0a1b2c3d-0000-0000-0000-000000000000")
    done = call("deploy", "loja", "artefatos-alheios")
    assert done.returncode == 2 and "cannot look up (kms:DescribeKey)" in done.stderr and done.stdout == ""


def encrypted_bucket(name, key):
    """Create a bucket that S3 encrypts with this KMS key, or with its own keys for None."""
    rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key} if key else {"SSEAlgorithm": "AES256"}
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": rule}]}
    boto3.client("s3").create_bucket(Bucket=name)
    boto3.client("s3").put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration=encryption)


def test_the_packaged_template_names_artifacts_that_are_there(deployed, built):
    resources = yaml.safe_load((built / "build" / "template.yaml").read_text())["Resources"]
    code = resources["ArrivalFunction"]["Properties"]["Code"]
    s3 = boto3.client("s3")
    packed = s3.get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == ["handler.py"]
    scripts = [
        resource["Properties"]["Command"]["ScriptLocation"]
        for resource in resources.values()
        if resource["Type"] == "AWS::Glue::Job"
    ]
    given = parameters_of("loja")
    assert scripts == [{"Fn::Sub": "s3://${ArtifactsBucket}/${JobScript}"}] * len(scripts) and scripts
    script = s3.get_object(Bucket="artefatos", Key=given["JobScript"])["Body"].read()
    assert given["JobScript"].endswith(".py") and script == (ROOT / "workflow" / "glue_job.py").read_bytes()
    assert s3.get_object(Bucket="artefatos", Key=given["JobModules"])["Body"].read() == b"wheels"


def test_the_function_is_wired_to_landing(deployed):
    said, names = deployed
    assert "Successfully created" in said
    stack = Stack()
    (told,) = stack.properties("LandingBucket")["NotificationConfiguration"]["QueueConfigurations"]  # moto lacks it
    (let_in,) = stack.properties("ArrivalQueuePolicy")["PolicyDocument"]["Statement"]
    assert fnmatchcase(f"arn:aws:s3:::{names['LandingBucket']}", let_in["Condition"]["ArnLike"]["aws:SourceArn"])
    function = boto3.client("lambda").get_function_configuration(FunctionName="loja-arrival")
    (mapping,) = boto3.client("lambda").list_event_source_mappings(FunctionName="loja-arrival")["EventSourceMappings"]
    assert told["Queue"] == let_in["Resource"] == mapping["EventSourceArn"]
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert function["Environment"]["Variables"]["LANDING_BUCKET"] == names["LandingBucket"]
    assert function["Handler"] == "handler.handle" and function["Timeout"] * 6 <= 1800


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (["Loja_1", "artefatos"], {}, "STACK=Loja_1 cannot name buckets"),
        (["lo", "artefatos"], {}, "STACK=lo cannot name buckets"),  # names in S3 and Redshift have 3 characters or more
        (["loja", "artefatos", "VpcId=vpc-1", "SubnetIds=subnet-0a1b2c3d"], {}, "subnet-0a1b2c3d is no subnet"),
        (["loja", "artefatos", "SubnetIds={subnet}", "VpcId={vpc}", "SubnetZone=us-east-1z"], {}, "is in us-east-1"),
        (["loja", "artefatos", "SubnetIds={subnet}", "VpcId=vpc-0a1b2c3d"], {}, "not of vpc-0a1b2c3d"),
        (["loja", "nenhum"], {}, "BUCKET=nenhum is not a bucket that account 123456789012 can use"),
        (["loja", "artefatos"], {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "run 'aws configure'"),
    ],
    ids=["name", "short name", "subnet", "zone", "vpc", "bucket", "credentials"],
)
def test_what_is_wrong_is_said(call, network, words, variables, said):
    done = call("deploy", *(word.format(**network) for word in words), **variables)
    assert done.returncode == 2 and said in done.stderr and done.stdout == ""


def test_there_is_no_stack_to_take_down(call):
    done = call("undeploy", "nenhuma")
    assert done.returncode == 2 and "There is no stack nenhuma" in done.stderr


# --- the modules of jobs


def test_modules_are_packed_as_glue_installs_them(tmp_path):
    wheels = [tmp_path / f"{name}-1.0-py3-none-any.whl" for name in ("numpy", "um_modulo")]
    for wheel in wheels:
        with zipfile.ZipFile(wheel, "w") as made:
            made.writestr(f"{wheel.name.split('-')[0]}.py", "VALUE = 1")
            made.writestr(f"{wheel.name[:-17]}.dist-info/METADATA", f"Name: {wheel.name.split('-')[0]}\nVersion: 1.0")
            made.writestr(f"{wheel.name[:-17]}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: x")
            made.writestr(f"{wheel.name[:-17]}.dist-info/RECORD", "")
    archive = tmp_path / "vendas.gluewheels.zip"
    deploy_modules._pack(wheels, archive)
    first = archive.read_bytes()
    deploy_modules._pack(wheels, archive)
    assert archive.read_bytes() == first
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    requirements = tmp_path / "wheels" / "requirements.txt"
    assert requirements.read_text() == "um-modulo==1.0\n"  # numpy comes with Glue
    options = ["--no-index", "--no-deps", "--find-links", tmp_path / "wheels", "--target", tmp_path / "site"]
    installed = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", *options, "--requirement", requirements],
        capture_output=True,
        text=True,
    )
    assert installed.returncode == 0, installed.stderr
    assert (tmp_path / "site" / "um_modulo.py").exists()


def test_jobs_can_do_without_what_is_left_out():
    left_out = {name.replace("-", "_") for name in deploy_modules.NO_USE_FOR}
    program = f"""
import sys
sys.modules |= dict.fromkeys({left_out}, None)  # importing one of them fails
import json, glue_job
from pathlib import Path
from vendas.resources import folder
for notebook in sorted(folder("notebooks").glob("0[1-4]*.ipynb")):
    for cell in json.loads(notebook.read_text())["cells"]:
        lines = "".join(cell["source"])
        if cell["cell_type"] == "code" and "from vendas" in lines:
            exec(lines.partition("settings =")[0])
            print(notebook.stem)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT / "workflow", capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["01_bronze", "02_silver", "03_gold", "04_dw"]), done.stderr
