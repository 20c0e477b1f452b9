-- Unlogged, because its rows need not survive a crash, and are inserted twice as fast without a log.
alter table somas_pendentes set unlogged;
