-- Rendered by `make sql`: change the template or the declaration.
-- The role for those who need sales and no names, and the masks that it reads personal columns through. A superuser, or
-- a user with the role sys:secadmin, runs this once, and then analista_tabelas.sql.
create role analista;

create masking policy mascara_nome_completo if not exists with (nome_completo varchar(2001)) using (
    cast(case
        when nome_completo = 'NÃO INFORMADO' or nome_completo like 'ANONIMIZADO-%' then nome_completo
        else left(nome_completo, 1) || '***'
    end as varchar(2001))
);
create masking policy mascara_email if not exists with (email varchar(1000)) using (
    cast(case
        when email = 'NÃO INFORMADO' or email like 'ANONIMIZADO-%' then email
        when email like '_%@%' then left(email, 1) || '***@' || split_part(email, '@', 2)
        else left(email, 1) || '***'
    end as varchar(1000))
);
create masking policy mascara_telefone if not exists with (telefone varchar(1000)) using (
    cast(case
        when telefone = 'NÃO INFORMADO' or telefone like 'ANONIMIZADO-%' then telefone
        when length(telefone) >= 8 then '*** ' || right(telefone, 4)
        else '***'
    end as varchar(1000))
);
