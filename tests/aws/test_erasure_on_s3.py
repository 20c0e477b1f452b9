"""A person is erased from a lake in S3 and its Redshift: no version of any object is left, nothing brings her back."""

import gzip
from datetime import timedelta

import pytest

from helpers import people
from helpers.kills import Killed, kill_after
from helpers.people import E_MAIL, all_files
from helpers.s3_lakes import CloudLake, let_java_reach
from vendas import storage
from vendas.lake.erasures import is_unfinished
from vendas.lake.maintenance import maintain_tables
from vendas.privacy import erase
from vendas.privacy.show import make_request, show_person

pytestmark = pytest.mark.engine

HERS = make_request([E_MAIL], [], [])
# The steps that differ from those on a lake in a folder, where a kill comes after each one (tests/test_erasure.py).
KILLED_AFTER = (erase._rewrite_bronze, erase._reload_warehouse, erase._delete_old_versions)
STAR = "select count(*), count(distinct cliente_id), sum(valor_da_compra), sum(valor_com_desconto) from fato_vendas"


@pytest.fixture
def patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    storage.client.cache_clear()


@pytest.fixture
def cloud(s3_spark, aws, empty, patch):
    """Return a lake in S3 with the person in every layer, and in old versions; buckets without: test_erasure_files."""
    let_java_reach(s3_spark, aws)
    cloud = CloudLake("titular", empty, patch)
    for name, data in all_files().items():
        cloud.drop(name, data)
    cloud.run()
    her = f"<p>{E_MAIL}</p>".encode()
    for key, body in {
        "runs/r/index.html": her,
        "runs/r/velho.log.gz": gzip.compress(her),
        "staging/silver/r/deixado": her,
        "notebooks/exportado.csv": her,
    }.items():
        cloud.s3.put_object(Bucket=cloud.buckets[0], Key=key, Body=body)
    cloud.s3.put_object(Bucket=cloud.buckets[0], Key="runs/r/index.html", Body=b"<p>nada</p>")
    cloud.s3.put_object(Bucket=cloud.buckets[0], Key="bronze/outro.txt", Body=people.REJECTED.encode("utf-16"))
    cloud.s3.delete_object(Bucket=cloud.buckets[0], Key="bronze/outro.txt")
    cloud.s3.put_object(Bucket=cloud.buckets[1], Key="outro.csv", Body=her)
    cloud.s3.delete_object(Bucket=cloud.buckets[1], Key="outro.csv")
    return cloud


def test_no_byte_is_left_wherever_a_kill_comes_and_nothing_brings_her_back(cloud, monkeypatch):
    before, star, steps = cloud.counts(), cloud.query(STAR), list(erase.STEPS)
    assert len(cloud.left()) > 20
    for number, step in enumerate(steps):
        if step in KILLED_AFTER:
            monkeypatch.setattr(erase, "STEPS", [*steps[:number], kill_after(step)])
            with pytest.raises(Killed):
                if is_unfinished(cloud.settings.lake):
                    erase.complete_erasure(cloud.settings, cloud.here)
                else:
                    erase.erase_person(cloud.settings, HERS, cloud.here)
            assert is_unfinished(cloud.settings.lake)
    monkeypatch.setattr(erase, "STEPS", steps)
    receipt = erase.complete_erasure(cloud.settings, cloud.here)
    maintain_tables(cloud.settings, timedelta(0), cloud.here, pytest.fail)
    assert cloud.left() == {}
    assert not is_unfinished(cloud.settings.lake) and erase.complete_erasure(cloud.settings, cloud.here) is None
    assert (receipt.arquivos, receipt.linhas) == (6, 17) and cloud.counts() == before
    after = cloud.query(STAR)
    assert [row[0::2] for row in after] == [row[0::2] for row in star]
    members = f"select nome_completo, email, dominio_email, telefone from dim_cliente where email = '{receipt.token}'"
    assert cloud.query(members) == [(receipt.token, receipt.token, "NÃO INFORMADO", receipt.token)]
    for name, data in all_files().items():
        cloud.drop(name, data)
    cloud.run()
    assert cloud.left() == {} and cloud.query(STAR) == after
    report = show_person(cloud.settings, HERS)
    assert [name for name, found in vars(report).items() if found] == ["recibos"]
    assert erase.erase_person(cloud.settings, HERS, cloud.here).receipt == receipt
