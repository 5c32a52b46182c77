# A little of what Python programs do: json, regular expressions, dictionaries, classes, generators, sorting.
import json
import re
import string


class Account:
    def __init__(self, number, owner):
        self.number, self.owner, self.balance, self.history = number, owner, 0, []

    def book(self, amount, text):
        self.balance += amount
        self.history.append((amount, text))
        return self.balance

    def __lt__(self, other):
        return (self.balance, self.number) < (other.balance, other.number)


def numbers(seed, count):
    for _ in range(count):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        yield seed >> 8


def accounts(count, bookings):
    found = [Account(i, string.ascii_lowercase[i % 26] * 3 + str(i)) for i in range(count)]
    for i, r in enumerate(numbers(1, bookings)):
        found[r % count].book(r % 1000 - 400, f"booking {i}")
    return sorted(found)


def round_trip(found):
    text = json.dumps([{"number": a.number, "owner": a.owner, "history": a.history} for a in found], indent=1)
    return text, sum(len(a["history"]) for a in json.loads(text))


def count_words(text):
    counts = {}
    for match in re.finditer(r'"(\w+)(?: (\d+))?"', text):
        word = match.group(1) if match.group(2) is None else match.group(1) + match.group(2)[-1]
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:12]


def sieve(limit):
    prime = bytearray([1]) * limit
    for i in range(2, int(limit ** 0.5) + 1):
        if prime[i]:
            for j in range(i * i, limit, i):
                prime[j] = 0
    return sum(prime) - 2


found = accounts(500, 250_000)
text, bookings = round_trip(found)
print(found[0].owner, found[-1].balance, len(text), bookings)
print(count_words(text))
print(sieve(2_500_000), "primes")
print(sum(len(str(n)) for n in range(1_200_000)), sorted({n % 997 for n in numbers(7, 200_000)})[-1])
