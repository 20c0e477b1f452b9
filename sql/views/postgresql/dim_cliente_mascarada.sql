-- Rendered by `make sql`: change the template or the declaration.
-- dim_cliente for analysts: who bought can be told apart, but not known.
create or replace view dim_cliente_mascarada as
select
    cliente_id,
    cast(case
        when nome_completo = 'NÃO INFORMADO' or nome_completo like 'ANONIMIZADO-%' then nome_completo
        else left(nome_completo, 1) || '***'
    end as varchar(2001)) as nome_completo,
    cast(case
        when email = 'NÃO INFORMADO' or email like 'ANONIMIZADO-%' then email
        when email like '_%@%' then left(email, 1) || '***@' || split_part(email, '@', 2)
        else left(email, 1) || '***'
    end as varchar(1000)) as email,
    dominio_email,
    cast(case
        when telefone = 'NÃO INFORMADO' or telefone like 'ANONIMIZADO-%' then telefone
        when length(telefone) >= 8 then '*** ' || right(telefone, 4)
        else '***'
    end as varchar(1000)) as telefone
from dim_cliente;
