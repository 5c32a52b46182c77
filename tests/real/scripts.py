"""Programs in the interpreters' languages that the real programs run; each prints what it computed."""

PERL = r"""
use strict; use warnings;
my (%count, %by_length, $lines);
open my $in, '<', 'text' or die;
while (<$in>) {
  $lines++;
  for my $w (/([a-z]+)/g) { $count{$w}++; $by_length{length $w}{$w} = 1; }
  s/(\w)(\w+)/\U$1\E$2/g;
  tr/a-z/b-za/ if $lines % 5 == 0;
}
printf "%d lines, %d words\n", $lines, scalar keys %count;
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
printf "%-20s %6d\n", $_, $count{$_} for @top;
printf "%2d %d\n", $_, scalar keys %{$by_length{$_}} for sort { $a <=> $b } keys %by_length;
my @primes = grep { my $n = $_; $n > 1 && !grep { $n % $_ == 0 } 2 .. sqrt $n } 1 .. 2000;
print join(',', @primes[-5 .. -1]), "\n";
my $text = join ' ', map { sprintf '%05.2f', $_ ** 0.5 } 1 .. 50;
print length $text, " ", unpack('%32C*', $text), "\n";
eval { die { code => 42 } }; print "caught $@->{code}\n";
open my $child, '-|', 'echo from a child' or die;
print "child: ", scalar <$child>;
"""

PYTHON = r"""
import collections, decimal, hashlib, heapq, itertools, json, random, re, struct, sys, zlib
data = open('text').read()
words = re.findall(r'[a-z]+', data)
print(len(data), len(words), collections.Counter(words).most_common(5))
print(json.dumps(sorted(json.loads(json.dumps({w: i for i, w in enumerate(words[:5000])})).items())[:5]))
for name in ('md5', 'sha1', 'sha256', 'sha512', 'blake2b'):
    print(name, hashlib.new(name, data.encode()).hexdigest())
packed = zlib.compress(data.encode(), 9)
print(len(packed), zlib.crc32(packed), zlib.decompress(packed).decode() == data)
decimal.getcontext().prec = 60
print(decimal.Decimal(2).sqrt(), sum(decimal.Decimal(1) / i for i in range(1, 200)))
random.seed(7)
numbers = [random.random() for _ in range(20000)]
print(heapq.nsmallest(3, numbers), sum(sorted(numbers)[::997]))
class Node:
    def __init__(self, depth):
        self.children = [Node(depth - 1) for _ in range(3)] if depth else []
    def count(self):
        return 1 + sum(c.count() for c in self.children)
print(Node(7).count(), 3 ** 2000 % 10 ** 40, struct.pack('>If', 7, 1.5).hex())
def primes():
    seen = {}
    for n in itertools.count(2):
        if n in seen:
            for p in seen.pop(n): seen.setdefault(n + p, []).append(p)
        else:
            seen[n * n] = [n]
            yield n
print(next(itertools.islice(primes(), 2500, None)))
try:
    [][1]
except IndexError as e:
    print(type(e).__name__, e)
sys.exit(3)
"""

LUA = r"""
local count, total = {}, 0
for line in io.lines('text') do
  for w in line:gmatch('%l+') do count[w] = (count[w] or 0) + 1; total = total + 1 end
end
local keys = {}
for k in pairs(count) do keys[#keys + 1] = k end
table.sort(keys, function(a, b) return count[a] > count[b] or (count[a] == count[b] and a < b) end)
print(total, #keys)
for i = 1, 10 do print(keys[i], count[keys[i]]) end
local function queens(n)
  local found, cols, up, down = 0, {}, {}, {}
  local function place(r)
    if r > n then found = found + 1 return end
    for c = 1, n do
      if not (cols[c] or up[r + c] or down[r - c + n]) then
        cols[c], up[r + c], down[r - c + n] = true, true, true
        place(r + 1)
        cols[c], up[r + c], down[r - c + n] = nil, nil, nil
      end
    end
  end
  place(1)
  return found
end
print(queens(7))
local co = coroutine.wrap(function() for i = 1, 1000 do coroutine.yield(i * i) end end)
local sum = 0
for _ = 1, 1000 do sum = sum + co() end
print(sum, string.format('%.10f', math.sin(1)), (('x'):rep(10):gsub('x', '%0y')))
print(pcall(error, {code = 1}) == false, select('#', table.unpack({1, 2, 3})))
os.exit(5)
"""

BASH_BUILTINS = r"""
set -u
declare -A seen
declare -i total=0
while read -r number rest; do
  total+=number
  for word in $rest; do seen[$word]=$(( ${seen[$word]:-0} + 1 )); done
done < text
echo "$total ${#seen[@]}"
for k in "${!seen[@]}"; do (( seen[$k] > 25 )) && list+=("$k=${seen[$k]}"); done
IFS=$'\n'; out="${list[*]-}"; printf '%d frequent\n' "${#list[@]}"
fib() { local n=$1; if (( n < 2 )); then REPLY=$n; else fib $((n - 1)); local a=$REPLY; fib $((n - 2)); REPLY=$((REPLY + a)); fi; }
fib 15; echo "fib $REPLY"
s=abcdefghij; for i in {1..200}; do s=${s:1}${s:0:1}; done; echo "$s ${s^^} ${s//[aeiou]/-}"
case $s in a*) echo a;; *j) echo j;; *) echo other;; esac
[[ "item-42" =~ ^([a-z]+)-([0-9]+)$ ]] && echo "${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"
printf -v padded '%08.3f' 3.14159; echo "$padded"
trap 'echo on exit' EXIT
kill -0 $$ && echo alive
exit 7
"""

BASH_COMMANDS = r"""
set -eu -o pipefail
cut -d' ' -f2- text | tr ' ' '\n' | grep . | sort | uniq -c | sort -k1,1nr -k2 | sed -n 1,5p
for i in 1 2 3 4 5; do echo "line $i" | sed "s/$i/<&>/" | rev; done
echo "$(wc -l < text) lines, $(head -c 1000 text | cksum)"
diff <(sort text | head -20) <(sort text | head -21) || echo "differ $?"
mkdir sub; (cd sub; touch a b c; ls | paste -sd,)
seq 1 1000 | awk '{ s += $1 } END { print s }' > sum; cat sum
for i in $(seq 5); do (echo $i >> order) & done; wait; sort order | tr '\n' ' '; echo; rm order
coproc cat; echo through >&"${COPROC[1]}"; read -r -t 10 line <&"${COPROC[0]}"; echo "$line"
trap 'echo got TERM' TERM; kill -TERM $$; ! false
timeout 5 true; env -i /bin/sh -c 'echo "${HOME-unset}"'
"""

GAWK = r"""
{ lines++; for (i = 2; i <= NF; i++) { count[$i]++; letters += length($i) } sum += $1 }
/ka.*lo/ { both++ }
END {
  printf "%d %d %d %d\n", lines, letters, sum, both
  n = asorti(count, names)
  for (i = 1; i <= n; i += 97) printf "%s=%d ", names[i], count[names[i]]
  print ""
  print toupper(substr("gawk", 2)), gensub(/([a-z])([a-z])/, "\\2\\1", "g", "abcdef"), strftime("%Y", 1e9, 1)
  while (("printf 'x\\ny\\n'" | getline line) > 0) print "child", line
}
"""

# Threads with queues and locks, a pool, children, an event loop; what is printed does not depend on the schedule.
PYTHON_THREADS = '''
import asyncio, collections, concurrent.futures, queue, subprocess, sys, threading

words = open("text").read().split()
jobs, counts, lock = queue.Queue(8), collections.Counter(), threading.Lock()

def work():
    while (chunk := jobs.get()) is not None:
        found = collections.Counter(chunk)
        with lock:
            counts.update(found)

threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for at in range(0, len(words), 50): jobs.put(words[at:at + 50])
for _ in threads: jobs.put(None)
for thread in threads: thread.join()
print(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10])

turns, log = threading.Condition(), []
def take_turns(own):
    for _ in range(20):
        with turns:
            turns.wait_for(lambda: len(log) % 2 == own)
            log.append(own)
            turns.notify_all()
pair = [threading.Thread(target=take_turns, args=(own,)) for own in range(2)]
for thread in pair: thread.start()
for thread in pair: thread.join()
print(log == [0, 1] * 20)

with concurrent.futures.ThreadPoolExecutor(3) as pool:
    print(sum(pool.map(len, words)))
    print(pool.submit(lambda: subprocess.run(["echo", "a child"], capture_output=True, text=True).stdout).result(), end="")

async def nap(n):
    await asyncio.sleep(0.001 * n)
    return n
async def main():
    print(await asyncio.gather(*map(nap, range(5))), await asyncio.to_thread(threading.active_count) > 1)
asyncio.run(main())
sys.exit(6)
'''

# Pools of processes in all three ways, a queue, a counter in shared memory.
PYTHON_PROCESSES = r"""
import multiprocessing as mp
import sys


def square(n):
    return n * n


def produce(queue, first):
    for n in range(first, first + 20):
        queue.put(n)
    queue.put(None)


def count(value, times):
    for _ in range(times):
        with value.get_lock():
            value.value += 1


if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = mp.get_context(method)
        with context.Pool(3) as pool:
            print(method, sum(pool.map(square, range(500), chunksize=20)))
            print(sorted(pool.imap_unordered(square, range(30))))
            pool.close()
            pool.join()
    queue = mp.Queue()
    producers = [mp.Process(target=produce, args=(queue, 100 * i)) for i in range(3)]
    for p in producers:
        p.start()
    got, ends = [], 0
    while ends < 3:
        n = queue.get()
        if n is None:
            ends += 1
        else:
            got.append(n)
    for p in producers:
        p.join()
    print(len(got), sum(got), [p.exitcode for p in producers])
    value = mp.Value("i", 0)
    counters = [mp.Process(target=count, args=(value, 200)) for _ in range(3)]
    for p in counters:
        p.start()
    for p in counters:
        p.join()
    print(value.value)
    sys.exit(5)
"""
