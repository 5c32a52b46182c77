// Two processes' views of the same memory, both in this one: what one writes, the other finds.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <map>
#include <memory>
#include <random>

#include "core/memory/guest_memory.h"
#include "core/memory/shared_pages.h"
#include "core/memory/unique_fd.h"
#include "test.h"

namespace fred::test {
namespace {

constexpr u64 object_id = (u64{7} << 32) + 1;

/// A process as far as it shares memory.
class Party {
 public:
  explicit Party(const PageJournal& journal) {
    pages_.begin(journal, 0, [] { return true; });
  }
  ~Party() {
    for (const auto& [begin, m] : table_.all())
      if (m.owner == Owner::guest) munmap(begin.ptr(), m.range.size());
  }

  /// Maps `count` pages of the object, from `first` on.
  GuestAddr map(int fd, u64 first, u64 count) {
    void* at =
        mmap(nullptr, count * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, static_cast<off_t>(first * page_size));
    REQUIRE(at != MAP_FAILED);
    Mapping m;
    m.range = guest_range(GuestAddr{reinterpret_cast<u64>(at)}, count * page_size);
    m.prot = PROT_READ | PROT_WRITE;
    m.flags = MAP_SHARED;
    m.offset = first * page_size;
    m.file = std::make_shared<MappedFile>(
        MappedFile{.path = "/dev/zero (deleted)", .dev = 1, .ino = object_id, .size = count * page_size});
    table_.insert(m);
    followed_ = pages_.follow(m);
    return m.range.begin;
  }
  void unmap(GuestRange range) {
    pages_.changing(range);
    munmap(range.begin.ptr(), range.size());
    table_.erase(range);
  }
  void protect(GuestRange range, int prot) {
    pages_.changing(range);
    mprotect(range.begin.ptr(), range.size(), prot);
    table_.update(range, [&](Mapping& m) { m.prot = static_cast<u8>(prot); });
  }

  SharedPages& pages() { return pages_; }
  SharedShadow& shadow() { return shadow_; }
  const AddressMap& table() const { return table_; }
  bool followed() const { return followed_; }
  std::vector<GuestRange> take_turn(u64 deaths = 0) {
    pages_.absorb(deaths);
    auto changed = pages_.take_changes();
    for (const auto& range : shadow_.changes(table_, true)) changed.push_back(range);
    return changed;
  }
  void give_turn() {
    shadow_.refresh(table_, true);
    pages_.settle();
  }

 private:
  AddressMap table_;
  SharedShadow shadow_;
  SharedPages pages_{table_, shadow_};
  bool followed_ = false;
};

/// Two of them, and the handler that asks both.
class Parties {
 public:
  Parties()
      : area_(std::make_unique<PageJournal::Area>()), one(PageJournal(area_.get())), other(PageJournal(area_.get())) {
    current_ = this;
    struct sigaction action {};
    action.sa_sigaction = &on_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, &before_);
  }
  ~Parties() { sigaction(SIGSEGV, &before_, nullptr); }
  Parties(const Parties&) = delete;
  Parties& operator=(const Parties&) = delete;

  PageJournal journal() { return PageJournal(area_.get()); }

 private:
  static void on_fault(int, siginfo_t* info, void* context) {
    const GuestAddr at{reinterpret_cast<u64>(info->si_addr)};
    if (current_->one.pages().write_fault(at) || current_->other.pages().write_fault(at)) return;
    auto& rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
    const u64 recovery = guest_access_recovery(static_cast<u64>(rip));
    if (recovery == 0) _exit(99);
    rip = static_cast<greg_t>(recovery);
  }
  static inline Parties* current_ = nullptr;
  struct sigaction before_ {};
  std::unique_ptr<PageJournal::Area> area_;

 public:
  Party one, other;
};

UniqueFd make_object(u64 pages) {
  UniqueFd fd{syscall(SYS_memfd_create, "shared", MFD_CLOEXEC)};
  REQUIRE(ftruncate(fd.get(), static_cast<off_t>(pages * page_size)) == 0);
  return fd;
}

/// An object that one of them has, and then the other as well.
struct SharedObject : Parties {
  explicit SharedObject(u64 pages) : count(pages), fd(make_object(pages)), a(one.map(fd.get(), 0, pages)) {}
  /// Where it is mapped there; both know it as it is, and nobody has the turn.
  GuestAddr let_other_in() {
    one.give_turn();
    const GuestAddr b = other.map(fd.get(), 0, count);
    other.give_turn();
    return b;
  }
  const u64 count;
  const UniqueFd fd;
  const GuestAddr a;
};

void store(GuestAddr at, u8 value) { *at.ptr<volatile u8>() = value; }

TEST_CASE("shared pages: a turn compares what was written, and nothing else") {
  constexpr u64 count = 1000;
  SharedObject shared(count);
  Party &one = shared.one, &other = shared.other;
  const GuestAddr a = shared.a;
  store(a + 5 * page_size, 1);  // nobody else has it yet
  const GuestAddr b = shared.let_other_in();
  CHECK(one.take_turn().empty());
  store(a + 7 * page_size + 3, 2);
  store(a + 7 * page_size + 9, 3);
  store(a + 900 * page_size, 4);
  CHECK(one.pages().faults() >= 2);
  one.give_turn();
  const u64 compared = other.pages().compared();
  CHECK(other.take_turn() ==
        std::vector{GuestRange{b + 7 * page_size + 3, b + 7 * page_size + 10}, guest_range(b + 900 * page_size, 1)});
  CHECK(other.pages().compared() - compared <= 3);
  CHECK(other.take_turn().empty());
  other.give_turn();
  CHECK(one.take_turn().empty());
  // What is not written any more is closed again, and then costs nothing.
  for (int turn = 0; turn < 20; ++turn) one.give_turn();
  const u64 quiet = one.pages().compared();
  one.give_turn();
  CHECK(one.pages().compared() == quiet);
}

TEST_CASE("shared pages: the kernel's writes, unmapping, a second view and a protection of the guest's") {
  constexpr u64 count = 100;
  SharedObject shared(count);
  Party &one = shared.one, &other = shared.other;
  const GuestAddr a = shared.a;
  const GuestAddr b = shared.let_other_in();
  const auto urandom = UniqueFd{syscall(SYS_open, "/dev/zero", O_RDONLY)};
  one.take_turn();
  CHECK(read(urandom.get(), (a + 3 * page_size).ptr(), 10) == -1);
  store(a + 3 * page_size, 9);
  one.pages().open(guest_range(a + 4 * page_size, page_size));
  CHECK(read(urandom.get(), (a + 4 * page_size).ptr(), 10) == 10);
  one.give_turn();
  CHECK(other.take_turn() == std::vector{guest_range(b + 3 * page_size, 1)});
  other.give_turn();

  one.take_turn();
  store(a + 50 * page_size, 1);
  one.unmap(guest_range(a + 40 * page_size, 20 * page_size));
  one.protect(guest_range(a + 60 * page_size, page_size), PROT_NONE);
  one.give_turn();
  CHECK(other.take_turn() == std::vector{guest_range(b + 50 * page_size, 1)});
  store(b + 45 * page_size, 2);
  store(b + 60 * page_size, 3);
  other.give_turn();
  CHECK(one.take_turn() == std::vector{guest_range(a + 60 * page_size, 1)});
  const u8 value = 1;
  CHECK(!guest_write(a + 60 * page_size, &value, 1));  // the guest's own doing

  const GuestAddr second = one.map(shared.fd.get(), 40, 20);
  store(second + 5 * page_size + 1, 4);
  one.give_turn();
  CHECK(other.take_turn() == std::vector{guest_range(b + 45 * page_size + 1, 1)});
  other.give_turn();
  const GuestAddr third = one.map(shared.fd.get(), 0, 2);  // pages that are mapped already
  store(third + page_size, 5);
  one.give_turn();
  CHECK(other.take_turn() == std::vector{guest_range(b + page_size, 1)});
}

TEST_CASE("shared pages: who lags behind, a death, and an object that is compared as a whole") {
  constexpr u64 count = 50;
  SharedObject shared(count);
  Party &one = shared.one, &other = shared.other;
  const GuestAddr a = shared.a;
  const GuestAddr b = shared.let_other_in();
  one.take_turn();
  store(a, 1);
  one.give_turn();
  for (u64 i = 0; i <= PageJournal::room; ++i) shared.journal().add({.object = 1, .page = i});
  CHECK(other.take_turn() == std::vector{guest_range(b, 1)});
  other.give_turn();
  one.take_turn();
  store(a + page_size, 1);  // and it dies
  CHECK(other.take_turn(1) == std::vector{guest_range(b + page_size, 1)});
  other.give_turn();
  one.take_turn(1);
  other.take_turn(1);
  other.pages().compare_whole(guest_range(b, 1));
  CHECK(other.pages().empty());
  store(b + 2 * page_size, 1);
  other.give_turn();
  CHECK(one.take_turn(1) == std::vector{guest_range(a + 2 * page_size, 1)});
  CHECK(one.pages().empty());
  const auto zero = UniqueFd{syscall(SYS_open, "/dev/zero", O_RDONLY)};
  CHECK(read(zero.get(), a.ptr(), count * page_size) == count * page_size);
  one.give_turn();
  CHECK(other.take_turn(1).size() == 3);
}

/// Whoever has the turn writes at random; what it is told of the others, and its own writes, make up what it sees.
void play_at_random(u64 seed) {
  Parties parties;
  Party* party[] = {&parties.one, &parties.other};
  std::mt19937_64 random(seed);
  const auto below = [&](u64 n) { return random() % n; };
  const u64 count = 1 + below(60);
  const auto fd = make_object(count);
  const auto zeros = UniqueFd{syscall(SYS_open, "/dev/urandom", O_RDONLY)};
  GuestAddr at[2];
  std::vector<u8> seen[2];
  std::vector<int> prot[2];
  for (int p = 0; p < 2; ++p) {
    at[p] = party[p]->map(fd.get(), 0, count);
    party[p]->give_turn();
    seen[p].assign(count * page_size, 0);
    prot[p].assign(count, PROT_READ | PROT_WRITE);
  }
  u64 deaths = 0;
  for (int turn = 0; turn < 200; ++turn) {
    const int p = static_cast<int>(below(2));
    auto& own = *party[p];
    const GuestAddr begin = at[p];
    for (const auto& range : own.take_turn(deaths)) {
      const ReadableMemory open({GuestAddr{page_floor(range.begin.value)}, GuestAddr{page_ceil(range.end.value)}},
                                prot[p][(range.begin - begin) / page_size]);
      std::memcpy(&seen[p][range.begin - begin], range.begin.ptr(), range.size());
    }
    for (u64 steps = below(6); steps > 0; --steps) {
      const u64 page = below(count), in_page = below(page_size), pages = 1 + below(count - page);
      const GuestRange range = guest_range(begin + page * page_size, pages * page_size);
      switch (below(12)) {
        default:
          if ((prot[p][page] & PROT_WRITE) == 0) break;
          seen[p][page * page_size + in_page] = static_cast<u8>(turn);
          store(begin + page * page_size + in_page, static_cast<u8>(turn));
          break;
        case 0:
          own.pages().open(range);
          if (read(zeros.get(), range.begin.ptr(), range.size()) <= 0) break;
          for (u64 i = page; i < page + pages && (prot[p][i] & PROT_WRITE) != 0; ++i)
            std::memcpy(&seen[p][i * page_size], (begin + i * page_size).ptr(), page_size);
          break;
        case 1: {
          constexpr int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};
          const int wanted = prots[below(4)];
          own.protect(range, wanted);
          std::fill_n(prot[p].begin() + static_cast<i64>(page), pages, wanted);
          break;
        }
        case 2:
          if (below(8) == 0) own.pages().compare_whole(range);
          break;
        case 3:
          deaths += below(20) == 0 ? 1 : 0;
          break;
      }
    }
    for (u64 page = 0; page < count; ++page) {
      if (prot[p][page] == PROT_NONE) continue;
      INFO("seed ", seed, " turn ", turn, " party ", p, " page ", page);
      REQUIRE(std::memcmp(&seen[p][page * page_size], (begin + page * page_size).ptr(), page_size) == 0);
    }
    own.give_turn();
  }
}

TEST_CASE("shared pages: at random") {
  for (u64 seed = 1; seed <= 40; ++seed) play_at_random(seed);
}

}  // namespace
}  // namespace fred::test
