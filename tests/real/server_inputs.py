"""Configurations of the servers, what their clients say, and clients in Python; output does not depend on the schedule."""

NGINX = """
daemon off;
worker_processes 2;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
  access_log access.log;
  client_body_temp_path body; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_temp_path proxy; proxy_cache_path cache keys_zone=zone:1m;
  sendfile on; gzip on; gzip_min_length 100; gzip_types text/plain; default_type text/plain;
  server {
    listen 127.0.0.1:{port};
    root .;
    location /cached/ { proxy_pass http://127.0.0.1:{port}/; proxy_cache zone; proxy_cache_valid 200 1m; }
  }
}
"""

# Two processes with five threads each.
APACHE = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile pid
DefaultRuntimeDir .
ErrorLog error.log
DocumentRoot {folder}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so
LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so
SetOutputFilter DEFLATE
Alias /cached {folder}
StartServers 2
ThreadsPerChild 5
MaxRequestWorkers 20
"""

# Four connections that stay open (a worker that is to end closes its own: they are opened again), a new one for each of
# other requests, what is compressed, and what is not there.
WEB_CLIENT = """
import concurrent.futures, gzip, hashlib, http.client, sys

def ask(connection, path, headers):
    for _ in range(5):
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            break
        except ConnectionError:
            connection.close()
    body = answer.read()
    return answer.status, gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body

def new():
    return http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)

def talk(number):
    kept, found = new(), set()
    for i in range(20):
        for path, headers in (("/text", {}), ("/cached/text", {}), ("/text", {"Accept-Encoding": "gzip"}), ("/none", {})):
            fresh = new()
            found.add((path, ask(kept, path, headers)[0], hashlib.sha256(ask(fresh, path, headers)[1]).hexdigest()[:16]))
            fresh.close()
    return found

with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(*sorted(set().union(*pool.map(talk, range(4)))), sep="\\n")
"""

MEMCACHED_CLIENT = """
import concurrent.futures, socket, sys

def connect():
    return socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60).makefile("rwb")

def ask(file, words, lines):
    file.write(words)
    file.flush()
    return [file.readline() for _ in range(lines)]

def talk(number):
    file, wrong = connect(), 0
    for i in range(100):
        value = b"%d-%d " % (number, i) * (i % 50 + 1)
        wrong += ask(file, b"set key%d-%d 0 0 %d\\r\\n%s\\r\\n" % (number, i, len(value), value), 1) != [b"STORED\\r\\n"]
        wrong += ask(file, b"get key%d-%d\\r\\n" % (number, i), 3)[1] != value + b"\\r\\n"
        ask(file, b"incr counter 1\\r\\n", 1)
    return wrong

file = connect()
ask(file, b"set counter 0 0 1\\r\\n0\\r\\n", 1)
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(list(pool.map(talk, range(8))), ask(file, b"get counter\\r\\n", 3))
print(ask(file, b"add counter 0 0 1\\r\\nx\\r\\n", 1), ask(file, b"delete counter\\r\\n", 1), ask(file, b"nonsense\\r\\n", 1))
"""

REDIS = """flushall
set greeting hello
append greeting " world"
get greeting
rpush list 3 1 2
sort list
hset table a 1 b 2
hincrby table a 41
hgetall table
zadd scores 1.5 one 2.5 two
zrangebyscore scores 1 2
eval "local s = 0; for i = 1, 1000 do s = s + i end; redis.call('set', KEYS[1], s); return s" 1 sum
multi
incr sum
incr sum
exec
setrange bits 5000 x
strlen bits
bitcount bits
object encoding list
bgrewriteaof
dbsize
nonsense
"""

POSTGRES = """
listen_addresses = ''
unix_socket_directories = '{folder}'
port = {port}
max_connections = 12
fsync = off
autovacuum_naptime = 1s
log_min_messages = warning
"""

POSTGRES_TABLES = """
create table account(id int primary key, branch int, balance int not null default 0);
create table history(at serial, account int, delta int);
insert into account select i, i % 7 from generate_series(1, 3000) i;
create index on account(branch);
analyze;
select count(*), sum(branch) from account;
"""

# Rows that several clients want at the same time, and one that all want.
PGBENCH = """
\\set account random(1, 3000)
\\set delta random(-50, 50)
begin;
update account set balance = balance + :delta where id = :account;
insert into history(account, delta) values(:account, :delta);
update account set branch = branch + 1 where id = 1;
end;
"""

# The second: two workers, which the server forks for it, and memory that they share with it.
POSTGRES_CHECKS = """
select (select sum(balance) from account) = (select sum(delta) from history), (select branch from account where id = 1);
set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; set enable_indexscan = off;
explain (analyze, costs off, timing off, summary off) select count(*) from account where branch < 100000000;
with recursive f(n, a, b) as (select 1, 0::bigint, 1::bigint union all select n + 1, b, a + b from f where n < 50)
  select max(a) from f;
begin; delete from account; rollback; select count(*) from account;
vacuum full account; checkpoint;
select 1 / 0;
"""

POSTGRES_SINGLE = """create table t(n int, s text);
insert into t select i, repeat('x', i % 50) from generate_series(1, 500) i;
create index on t(n);
select count(*), sum(length(s)) from t where n > 100;
"""

MARIADB = """create database if not exists test;
use test;
create table t(id int primary key auto_increment, v int, key(v)) engine=innodb;
insert into t(v) select seq from seq_1_to_2000;
select count(*), sum(v) from t;
create table a(w varchar(20)) engine=aria;
insert into a values('one'), ('two');
alter table t add column s varchar(10) default 'x';
select w, count(*) from a, t group by w order by w;
"""

# Three connections at a time; what they change does not depend on the order.
MARIADB_UPDATES = """
import concurrent.futures, subprocess, sys

def update(number):
    sql = f"update t set v = v + {number} where id % 7 = 3; start transaction; insert into t(v) values(5); rollback; select 1;"
    return subprocess.run(sys.argv[1:], input=sql.encode(), stdout=subprocess.PIPE, check=True).stdout

with concurrent.futures.ThreadPoolExecutor(3) as pool:
    print(list(pool.map(update, range(12))))
"""
