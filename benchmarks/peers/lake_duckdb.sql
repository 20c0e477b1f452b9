-- The lake's work under docs/contract.md in one script: from bronze/*.csv, in the current folder, to silver and gold by
-- year, quarantine and ledger. Less than the contract in some things: the lake is empty before, files are UTF-8 with
-- commas and the 13 columns in order, no record goes over several lines, no date is written month first, no row is called
-- doubtful, and nothing is published in one step.

create macro unseen() as
    '[\x{AD}\x{61C}\x{180E}\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}-\x{2064}\x{2066}-\x{2069}\x{FEFF}]';
create macro blanks() as '[\p{Z}\t-\r\x{85}]+';
create macro cleaned(field) as regexp_replace(
    regexp_replace(
        nfc_normalize(trim(regexp_replace(regexp_replace(field, unseen(), '', 'g'), blanks(), ' ', 'g'))),
        '^=" ?(.*?) ?"$', '\1'
    ),
    '^''([0-9+\-=@])', '\1'
);
-- Most texts are clean, and looking is far cheaper than cleaning.
create macro clean(field) as if(
    regexp_matches(field, '^[ ='']| $|  |[\t-\r\x{85}\x{A0}\x{AD}\x{300}-\x{10FFFF}]'), cleaned(field), field
);
create macro filled(field, missing) as coalesce(nullif(clean(field), ''), missing);
create macro address(field) as regexp_replace(field, '^[^<>]*< ?([^<> ]+) ?>$', '\1');
create macro matches(field, pattern) as regexp_full_match(field, pattern);

create macro iso_day() as '\d{4}(-\d\d-|/\d\d/)\d\d';
create macro br_day() as '\d\d(/\d\d/|-\d\d-|\.\d\d\.)\d{4}';
create macro clock() as '\d{1,2}:\d\d(:\d\d([.,]\d+)?)?';
create macro a_moment() as '(' || iso_day() || '(T|,? |,)|' || br_day() || '(,? |,))' || clock();
create macro clock_of(t) as left(
    regexp_replace(replace(regexp_extract(t, clock() || '$'), ',', '.'), '^(\d):', '0\1:'), 15
);
create macro as_moment(t) as case
    when matches(t, '\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?') then try_cast(left(t, 26) as timestamp)
    when not matches(t, a_moment()) then null
    when matches(left(t, 4), '\d{4}')
        then try_cast(left(t, 4) || '-' || t[6:7] || '-' || t[9:10] || ' ' || clock_of(t) as timestamp)
    else try_cast(t[7:10] || '-' || t[4:5] || '-' || left(t, 2) || ' ' || clock_of(t) as timestamp)
end;
create macro moment_reason(t, moment) as case
    when year(moment) between 1990 and 2100 then null
    when t = '' then 'timestamp_ausente'
    when matches(t, iso_day() || '|' || br_day()) then 'timestamp_sem_hora'
    when matches(t, a_moment() || ' ?([Zz]|UTC|GMT|(UTC|GMT)?[+-]\d\d(:?\d\d)?)') then 'timestamp_com_fuso'
    when not matches(t, a_moment()) then 'timestamp_invalido'
    when regexp_extract(t, '\d{4}')::int between 1990 and 2100 then 'timestamp_impossivel'
    else 'timestamp_fora_do_intervalo'
end;

create macro amount(t) as regexp_replace(t, '^R\$ ?', '');
create macro point_groups() as '[1-9]\d{0,2}((\.\d{3})+,\d{1,2}|(\.\d{3}){2,})';
create macro comma_groups() as '[1-9]\d{0,2}((,\d{3})+\.\d{1,2}|(,\d{3}){2,})';
create macro blank_groups() as '(( \d{3})+|(''\d{3})+|(’\d{3})+)';
create macro blank_amount() as '[1-9]\d{0,2}' || blank_groups() || '[.,]\d{1,2}';
create macro with_zeros() as '\d+[.,]\d\d00+';
create macro digits() as '\d[\d., ''’]*';
create macro as_value(a) as try_cast(case
    when matches(a, '\d+([.,]\d{1,2})?') then replace(a, ',', '.')
    when matches(a, point_groups()) then replace(replace(a, '.', ''), ',', '.')
    when matches(a, comma_groups()) then replace(a, ',', '')
    when matches(a, with_zeros()) then replace(regexp_extract(a, '^\d+[.,]\d\d'), ',', '.')
    when matches(a, blank_amount()) then replace(regexp_replace(a, '[ ''’]', '', 'g'), ',', '.')
end as decimal(12, 2));
create macro minus() as '[-−–—]';
create macro is_negative(t) as matches(
    t,
    '(R\$ ?)?('
    || minus() || ' ?(R\$ ?)?' || digits() || '|' || digits() || minus() || '|\( ?(R\$ ?)?' || digits() || '\))'
);
create macro value_reason(t, a, value) as case
    when value is not null then null
    when matches(t, '(R\$)? ?' || minus() || '?') then 'valor_ausente'
    when is_negative(t) then 'valor_negativo'
    when matches(a, '\d+[.,]\d{3}') then 'valor_ambiguo'
    when matches(a, '\d+' || blank_groups()) then 'valor_sem_centavos'
    when matches(
        a, '\d+([.,]\d{1,2})?|' || point_groups() || '|' || comma_groups() || '|' || with_zeros() || '|' || blank_amount()
    ) then 'valor_fora_do_limite'
    when matches(a, '\d+[.,]\d{4,}|[1-9]\d{0,2}((\.\d{3})+,|(,\d{3})+\.|' || blank_groups() || '[.,])\d{3,}')
        then 'valor_casas_decimais'
    when t not like 'R$%' and matches(
        t,
        '([A-Za-z]{1,3}|[A-Za-z]{0,2}[$€£¥]) ?' || digits() || '|' || digits() || '([A-Za-z]{1,3}|[A-Za-z]{0,2}[$€£¥])'
    ) then 'valor_moeda'
    else 'valor_invalido'
end;

create macro percent() as '( ?%)?';
create macro as_points(t) as case
    when t = '' then 0
    when matches(t, '\d+([.,]\d{1,2}0*)?' || percent())
        then try_cast(replace(regexp_replace(t, percent() || '$', ''), ',', '.') as decimal(18, 2))
end;
create macro is_unclear(t, points) as points > 0 and points < 1 and t not like '%\%' escape '\';
create macro is_fraction(t) as matches(t, '\+?0*[.,]0*[1-9]\d*|\+?[1-9]([.,]\d+)?[Ee]-0*[1-9]\d*');
create macro discount_reason(t, points, has_fractions) as case
    when has_fractions and matches(t, '0*1([.,]0+)?') then 'desconto_um_ambiguo'
    when points <= 100 and not is_unclear(t, points) then null
    when matches(
        t,
        minus() || ' ?\d[\d.,]*' || percent()
        || '|\d[\d.,]*' || percent() || ' ?' || minus()
        || '|\(\d[\d.,]*' || percent() || '\)' || percent()
    ) then 'desconto_negativo'
    when is_fraction(t) then 'desconto_ambiguo'
    when matches(t, '\d+[.,]\d\d\d*[1-9]\d*' || percent()) then 'desconto_casas_decimais'
    when matches(t, '\d+([.,]\d+)?' || percent()) then 'desconto_acima_de_100'
    else 'desconto_invalido'
end;

create table files as
select
    file as filename,
    parse_filename(file) as arquivo,
    row_number() over (order by regexp_extract(file, '_(\d{8}T\d{9}Z)_[0-9a-f]{8}\.csv$', 1), file) as place
from glob('bronze/*.csv');

-- Fields are texts; one that is not there, for the record has too few, is null. Rows keep the files' order.
create table records as
select *, row_number() over () as number
from read_csv(
    'bronze/*.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = e'\x01',
    null_padding = true, filename = true,
    columns = {
        'moment': 'varchar', 'nome': 'varchar', 'sobrenome': 'varchar', 'email': 'varchar', 'telefone': 'varchar',
        'produto': 'varchar', 'value': 'varchar', 'canal': 'varchar', 'plataforma': 'varchar', 'campanha': 'varchar',
        'vendedor': 'varchar', 'discount': 'varchar', 'codigo': 'varchar', 'beyond': 'varchar'
    }
);

create table judged as
with cleaned as (
    select
        filename, number, codigo is not null and beyond is null as whole,
        clean(moment) as moment, clean(value) as value, amount(clean(value)) as bare, clean(discount) as discount,
        filled(nome, 'NÃO INFORMADO') as nome, filled(sobrenome, 'NÃO INFORMADO') as sobrenome,
        coalesce(nullif(address(clean(email)), ''), 'NÃO INFORMADO') as email, filled(telefone, 'NÃO INFORMADO') as telefone,
        filled(produto, 'NÃO INFORMADO') as produto, filled(canal, 'NÃO INFORMADO') as canal,
        filled(plataforma, 'NÃO INFORMADO') as plataforma, filled(campanha, 'NÃO INFORMADO') as campanha,
        filled(vendedor, 'NÃO INFORMADO') as vendedor, filled(codigo, 'NÃO DISPONÍVEL') as codigo
    from records
),
typed as (
    select *, as_moment(moment) as em, as_value(bare) as valor, as_points(discount) as points from cleaned
),
-- Where one discount of a file is a fraction, a plain 1 in it may mean all of the price.
fractions as (select distinct filename, true as has_fractions from typed where whole and is_fraction(discount))
select
    files.place, files.filename, number, em, nome, sobrenome, email, telefone, produto, valor, canal, plataforma,
    campanha, vendedor, try_cast(points * 0.01::decimal(2, 2) as decimal(5, 4)) as desconto, codigo,
    case when not whole then ['numero_de_campos'] else list_filter([
        moment_reason(moment, em),
        value_reason(value, bare, valor),
        discount_reason(discount, points, has_fractions),
        if(greatest(
            strlen(nome), strlen(sobrenome), strlen(email), strlen(telefone), strlen(produto), strlen(canal),
            strlen(plataforma), strlen(campanha), strlen(vendedor), strlen(codigo)
        ) > 1000, 'texto_longo', null)
    ], lambda reason: reason is not null) end as motivos
from typed join files using (filename) left join fractions using (filename);

create table firsts as select filename, min(number) as first from records group by filename;

create table quarantine as
with refused as (
    select filename, number - first + 2 as linha, motivos from judged join firsts using (filename)
    where len(motivos) > 0
),
lines as (
    select filename, texto, row_number() over () as number
    from read_csv(
        'bronze/*.csv', auto_detect = false, header = true, delim = e'\x01', quote = '', escape = '', filename = true,
        columns = {'texto': 'varchar'}
    )
)
select arquivo, linha, texto, motivos
from refused join files using (filename) join firsts using (filename)
join lines on lines.filename = refused.filename and lines.number - first + 2 = linha;

create table silver as
with sales as (
    select * exclude (filename, number, motivos, place), min({'place': place, 'number': number}) as first_of_equal
    from judged where len(motivos) = 0
    group by all
)
select
    em as "Timestamp do Registro", nome as "Nome", sobrenome as "Sobrenome", email as "Email", telefone as "Telefone",
    produto as "Produto Adquirido", valor as "Valor da Compra", canal as "Canal",
    plataforma as "Plataforma de Interação", campanha as "Campanha de Marketing", vendedor as "Vendedor",
    desconto as "Desconto Oferecido", codigo as "Código de Desconto Usado", arquivo as "Arquivo de Origem",
    first_of_equal.number - first + 2 as "Linha do Arquivo", year(em)::int as ano
from sales join files on files.place = first_of_equal.place join firsts using (filename);

copy silver to 'silver' (format parquet, compression zstd, partition_by (ano));

copy (
    with addressed as (
        select
            *, if("Email" = 'NÃO INFORMADO', "Email", lower("Email")) as endereco,
            concat_ws(' ', nullif("Nome", 'NÃO INFORMADO'), nullif("Sobrenome", 'NÃO INFORMADO')) as nome_todo
        from silver
    )
    select
        "Timestamp do Registro" as timestamp_do_registro,
        case
            when hour("Timestamp do Registro") < 6 then 'Madrugada'
            when hour("Timestamp do Registro") < 12 then 'Manhã'
            when hour("Timestamp do Registro") < 18 then 'Tarde'
            else 'Noite'
        end as turno_compra,
        filled(nome_todo, 'NÃO INFORMADO') as nome_completo,
        endereco as email,
        if(contains(endereco, '@'), filled(split_part(endereco, '@', -1), 'NÃO INFORMADO'), 'NÃO INFORMADO')
            as dominio_email,
        "Telefone" as telefone, "Produto Adquirido" as produto_adquirido, "Valor da Compra" as valor_da_compra,
        "Desconto Oferecido" as desconto_oferecido,
        round("Valor da Compra" * (1 - "Desconto Oferecido"), 2)::decimal(12, 2) as valor_com_desconto,
        "Canal" as canal, "Plataforma de Interação" as plataforma_de_interacao,
        "Campanha de Marketing" as campanha_de_marketing, "Vendedor" as vendedor,
        "Código de Desconto Usado" as codigo_de_desconto_usado, "Arquivo de Origem" as arquivo_de_origem,
        "Linha do Arquivo" as linha_do_arquivo, ano
    from addressed
) to 'gold' (format parquet, compression zstd, partition_by (ano));
copy quarantine to 'quarantine.parquet' (format parquet, compression zstd);

copy (
    with
    kept as (select "Arquivo de Origem" as arquivo, count(*) as silver from silver group by all),
    refused as (select arquivo, count(*) as quarentena from quarantine group by all),
    came as (select arquivo, count(*) as lidas from records join files using (filename) group by all)
    select
        arquivo, lidas, coalesce(quarentena, 0) as quarentena, coalesce(silver, 0) as silver,
        lidas - coalesce(quarentena, 0) - coalesce(silver, 0) as duplicadas
    from came left join refused using (arquivo) left join kept using (arquivo)
) to 'ledger.parquet' (format parquet);
