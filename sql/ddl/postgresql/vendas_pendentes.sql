-- Redshift documents comments on the columns of tables only.
comment on column vendas_pendentes.timestamp_do_registro is 'Data e hora da venda, como escritas no arquivo';
comment on column vendas_pendentes.turno_compra is 'Turno da venda: a parte do dia em que foi feita';
comment on column vendas_pendentes.nome_completo is 'Nome e sobrenome do cliente';
comment on column vendas_pendentes.email is 'E-mail do cliente, em minúsculas';
comment on column vendas_pendentes.dominio_email is 'O que segue a última @ do e-mail';
comment on column vendas_pendentes.telefone is 'Telefone do cliente';
comment on column vendas_pendentes.produto_adquirido is 'Produto vendido';
comment on column vendas_pendentes.valor_da_compra is 'Valor da venda em reais, antes do desconto';
comment on column vendas_pendentes.desconto_oferecido is 'Desconto como fração: 0,1100 é 11 %';
comment on column vendas_pendentes.valor_com_desconto is 'Valor × (1 − desconto), arredondado meio para cima';
comment on column vendas_pendentes.canal is 'Canal que trouxe o cliente';
comment on column vendas_pendentes.plataforma_de_interacao is 'Onde a venda foi fechada';
comment on column vendas_pendentes.campanha_de_marketing is 'Campanha vigente';
comment on column vendas_pendentes.vendedor is 'Quem atendeu na loja';
comment on column vendas_pendentes.codigo_de_desconto_usado is 'Código de desconto usado na venda';
comment on column vendas_pendentes.arquivo_de_origem is 'Arquivo da camada bronze de onde veio a linha';
comment on column vendas_pendentes.linha_do_arquivo is 'Linha física desse arquivo em que o registro começa, a partir de 1';
comment on column vendas_pendentes.ano is 'Ano da venda';
