-- Rendered by `make sql`: change the template or the declaration.
comment on view dim_cliente_mascarada is 'Clientes: uma linha por combinação de nome e contatos; dados pessoais mascarados';
comment on column dim_cliente_mascarada.cliente_id is 'Chave de dim_cliente';
comment on column dim_cliente_mascarada.nome_completo is 'Nome e sobrenome do cliente, mascarado';
comment on column dim_cliente_mascarada.email is 'E-mail do cliente, em minúsculas, mascarado';
comment on column dim_cliente_mascarada.dominio_email is 'O que segue a última @ do e-mail';
comment on column dim_cliente_mascarada.telefone is 'Telefone do cliente, mascarado';
