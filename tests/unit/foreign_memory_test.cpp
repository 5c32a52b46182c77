// The parts of foreign memory: words, exchanges, who writes, and where aliases are. tests/outside has the whole of it.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "core/memory/foreign_memory.h"
#include "core/memory/guest_word.h"
#include "core/memory/shared_shadow.h"
#include "core/memory/smaps.h"
#include "core/memory/unique_fd.h"
#include "core/translate/word_operation.h"
#include "core/tree/writers.h"
#include "tests/unit/test.h"

namespace fred {
namespace {

struct Memory {
  explicit Memory(u64 bytes)
      : at(static_cast<u8*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))),
        size(bytes) {
    REQUIRE(at != MAP_FAILED);
  }
  ~Memory() { munmap(at, size); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  GuestAddr begin() const { return GuestAddr{reinterpret_cast<u64>(at)}; }
  GuestRange range() const { return guest_range(begin(), size); }
  u8* at;
  u64 size;
};

UniqueFd shared_memory(u64 size) {
  UniqueFd fd{memfd_create("foreign", MFD_CLOEXEC)};
  REQUIRE(fd);
  REQUIRE(ftruncate(fd.get(), static_cast<off_t>(size)) == 0);
  return fd;
}

MappedObject object_of(int fd) {
  struct stat st {};
  REQUIRE(fstat(fd, &st) == 0);
  return {.dev = st.st_dev, .ino = st.st_ino};
}

TEST_CASE("foreign memory: words of every size are copied and exchanged") {
  for (u64 size = 1; size <= largest_word; size *= 2) {
    CAPTURE(size);
    CHECK(is_word(size));
    alignas(16) std::array<u8, 32> there{}, here{};
    for (u64 i = 0; i < there.size(); ++i) there[i] = static_cast<u8>(i + 1);
    CHECK(copy_words(here.data(), there.data(), size));
    CHECK(std::memcmp(here.data(), there.data(), size) == 0);
    CHECK(here[size] == 0);
    const std::array<u8, 32> desired{0x55, 0x66, 0x77};
    CHECK(exchange_word(there.data(), here.data(), desired.data(), size) == Exchange::done);
    CHECK(std::memcmp(there.data(), desired.data(), size) == 0);
    CHECK(there[size] == size + 1);
    // What is there is no longer what was expected, in the last byte.
    there[size - 1] = 9;
    const auto before = there;
    CHECK(exchange_word(there.data(), desired.data(), here.data(), size) == Exchange::differs);
    CHECK(there == before);
  }
  CHECK_FALSE(is_word(0));
  CHECK_FALSE(is_word(3));
  CHECK_FALSE(is_word(32));
}

TEST_CASE("foreign memory: a copy of any length and alignment") {
  std::array<u8, 100> from{}, to{};
  for (u64 i = 0; i < from.size(); ++i) from[i] = static_cast<u8>(i + 1);
  for (u64 first = 0; first < 17; ++first) {
    for (u64 size = 0; size < 70; ++size) {
      to.fill(0);
      REQUIRE(copy_words(&to[first], &from[first / 2], size));
      REQUIRE(std::memcmp(&to[first], &from[first / 2], size) == 0);
      REQUIRE(to[first + size] == 0);
    }
  }
}

TEST_CASE("foreign memory: an instruction's effect on a word") {
  Registers regs{};
  regs.gpr[rax] = 0x11;
  regs.gpr[rcx] = 0xfffffffffffffff0;
  regs.rflags = 1;  // carry
  struct Row {
    std::vector<u8> code;
    u64 size, old, made;
  };
  const Row rows[] = {
      {{0xf0, 0x48, 0x01, 0x0f}, 8, 0x20, 0x10},                // lock add [rdi], rcx
      {{0xf0, 0x11, 0x0f}, 4, 0x20, 0x11},                      // lock adc [rdi], ecx
      {{0xf0, 0x28, 0x0f}, 1, 0x00, 0x10},                      // lock sub [rdi], cl
      {{0xf0, 0x28, 0x2f}, 1, 0x00, 0x01},                      // lock sub [rdi], ch
      {{0xf0, 0x83, 0x2f, 0xff}, 4, 5, 6},                      // lock sub dword [rdi], -1
      {{0xf0, 0x66, 0xf7, 0x1f}, 2, 1, 0xffff},                 // lock neg word [rdi]
      {{0x87, 0x0f}, 4, 7, 0xfffffff0},                         // xchg [rdi], ecx
      {{0xf0, 0x0f, 0xb1, 0x0f}, 4, 0x11, 0xfffffff0},          // lock cmpxchg [rdi], ecx
      {{0xf0, 0x0f, 0xb1, 0x0f}, 4, 0x12, 0x12},                // the same, of another value
      {{0xf0, 0x0f, 0xba, 0x2f, 33}, 4, 0, 2},                  // lock bts dword [rdi], 33
      {{0xf0, 0x48, 0x0f, 0xbb, 0x07}, 8, 0, 0x20000},          // lock btc [rdi], rax
      {{0xf0, 0x0f, 0xc7, 0x0f}, 8, 0x11, 0xfffffff000000000},  // lock cmpxchg8b [rdi]
  };
  for (const auto& row : rows) {
    CAPTURE(row.code[1]);
    const auto instruction = decode(GuestAddr{0x1000}, row.code);
    REQUIRE(instruction);
    const auto operation = WordOperation::of(*instruction, row.code, regs, row.size);
    REQUIRE(operation);
    CHECK(static_cast<u64>((*operation)(row.old)) == row.made);
  }
  const std::vector<u8> shift{0xd1, 0x27};  // shl dword [rdi], 1
  CHECK_FALSE(WordOperation::of(*decode(GuestAddr{0x1000}, shift), shift, regs, 4));
}

TEST_CASE("foreign memory: lines of /proc/PID/maps") {
  const auto lines = parse_smaps("7f0000001000-7f0000003000 rw-s 00001000 fd:01 1234   /dev/shm/a name");
  REQUIRE((lines && lines->size() == 1));
  const auto& line = lines->front();
  CHECK(line.range == GuestRange{GuestAddr{0x7f0000001000}, GuestAddr{0x7f0000003000}});
  CHECK((line.prot & PROT_WRITE) != 0);
  CHECK(line.shared);
  CHECK(line.ino == 1234);
  CHECK(line.dev == 0xfd01);
  const auto anonymous = parse_smaps("7f0000001000-7f0000003000 r--p 00000000 00:00 0 ");
  REQUIRE((anonymous && anonymous->size() == 1));
  CHECK((anonymous->front().prot & PROT_WRITE) == 0);
  CHECK_FALSE(anonymous->front().shared);
  CHECK_FALSE(anonymous->front().is_file());
  for (const char* wrong : {"", "x", "7f00-", "7f00-8000 rw-s", "7f00-8000 rw-s 0 fd:01"}) {
    const auto none = parse_smaps(wrong);
    CHECK((!none || none->empty()));
  }
}

/// Runs `prepare` in a child that then stands until this goes.
class OtherProcess {
 public:
  template <class Function>
  explicit OtherProcess(Function&& prepare) {
    int ready[2], end[2];
    REQUIRE(pipe2(ready, O_CLOEXEC) == 0);
    REQUIRE(pipe2(end, O_CLOEXEC) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(end[1]);
      prepare();
      char byte = 0;
      if (write(ready[1], &byte, 1) == 1) (void)!read(end[0], &byte, 1);
      _exit(0);
    }
    close(ready[1]);
    close(end[0]);
    end_ = end[1];
    char byte;
    CHECK(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
  }
  ~OtherProcess() {
    close(end_);
    waitpid(pid_, nullptr, 0);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;
  i32 pid() const { return pid_; }

 private:
  i32 pid_, end_;
};

TEST_CASE("foreign memory: who writes it") {
  const auto fd = shared_memory(page_size), mark = shared_memory(page_size);
  const auto object = object_of(fd.get());
  const auto map = [&](int descriptor, int protection, int flags) {
    if (mmap(nullptr, page_size, protection, flags, descriptor, 0) == MAP_FAILED) _exit(1);
  };
  const auto find = [&](bool descriptors) { return find_writers({object}, object_of(mark.get()), descriptors); };
  CHECK(find(false).empty());
  {
    // An engine that begins: it has the mark open before it has it mapped.
    const OtherProcess begins([] {});
    CHECK(find(true).empty());
  }
  {
    const OtherProcess reader([&] {
      close(mark.get());
      map(fd.get(), PROT_READ, MAP_SHARED);
    });
    CHECK(find(false).empty());
    // It has inherited a descriptor by which it could write.
    REQUIRE(find(true).size() == 1);
    CHECK(find(true)[0].pid == reader.pid());
  }
  {
    const OtherProcess copier([&] { map(fd.get(), PROT_READ | PROT_WRITE, MAP_PRIVATE); });
    CHECK(find(false).empty());
  }
  const OtherProcess recorded([&] {
    map(fd.get(), PROT_READ | PROT_WRITE, MAP_SHARED);
    map(mark.get(), PROT_READ, MAP_SHARED);
  });
  REQUIRE(find(false).size() == 1);
  CHECK(find(false)[0].recorded);
  const OtherProcess writer([&] { map(fd.get(), PROT_READ | PROT_WRITE, MAP_SHARED); });
  const auto found = find(false);
  REQUIRE(found.size() == 1);
  CHECK_FALSE(found[0].recorded);
  CHECK(found[0].pid == writer.pid());
  CHECK(found[0].object == object);
  CHECK_FALSE(found[0].name.empty());
}

TEST_CASE("foreign memory: aliases of parts, moved and given back") {
  const auto fd = shared_memory(8 * page_size);
  Memory copy(4 * page_size), elsewhere(8 * page_size);
  auto* alias = static_cast<u8*>(mmap(nullptr, 4 * page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
  for (u64 i = 0; i < 4; ++i) alias[i * page_size] = static_cast<u8>(i + 1);
  ForeignMemory foreign;
  foreign.add(copy.range(), alias);
  CHECK(foreign.alias(copy.begin() + 5) == alias + 5);
  CHECK(foreign.alias(copy.range().end) == nullptr);
  CHECK(foreign.for_kernel(copy.range().end) == copy.range().end.value);
  CHECK(foreign.overlaps({copy.range().end - 1, copy.range().end + 1}));
  CHECK_FALSE(foreign.overlaps({copy.range().end, copy.range().end + 1}));

  foreign.remove(guest_range(copy.begin() + page_size, page_size));
  CHECK(foreign.all().size() == 2);
  CHECK(foreign.alias(copy.begin() + page_size) == nullptr);
  CHECK(foreign.alias(copy.begin() + 2 * page_size) == alias + 2 * page_size);
  CHECK(foreign.in(copy.range()).size() == 2);

  // The upper part goes elsewhere and grows.
  const auto from = guest_range(copy.begin() + 2 * page_size, 2 * page_size);
  REQUIRE(foreign.move(from, guest_range(elsewhere.begin(), 4 * page_size)) == 0);
  REQUIRE(foreign.alias(elsewhere.begin()) != nullptr);
  CHECK(*foreign.alias(elsewhere.begin()) == 3);
  CHECK(*foreign.alias(elsewhere.begin() + 3 * page_size) == 0);
  CHECK(foreign.alias(from.begin) == nullptr);

  *foreign.alias(elsewhere.begin() + 1) = 77;
  foreign.give_back();
  CHECK_FALSE(foreign.any());
  CHECK(copy.at[0] == 1);
  CHECK(elsewhere.at[0] == 3);
  u8 byte = 0;
  REQUIRE(pread(fd.get(), &byte, 1, 2 * page_size + 1) == 1);
  CHECK(byte == 77);
}

TEST_CASE("foreign memory: what the recording does not know when memory becomes so") {
  Memory memory(4 * page_size);
  SharedShadow shadow;
  memory.at[0] = 1;
  memory.at[page_size] = 2;
  Mapping mapping;
  mapping.range = memory.range();
  mapping.prot = PROT_READ | PROT_WRITE;
  REQUIRE(shadow.follow(mapping));
  memory.at[page_size] = 0;      // was something, is nothing
  memory.at[3 * page_size] = 3;  // the other way round
  std::vector<GuestRange> unknown;
  shadow.leave(memory.range(), unknown);
  REQUIRE(unknown.size() == 2);
  CHECK(unknown[0].begin == memory.begin() + page_size);
  CHECK(unknown[1].begin == memory.begin() + 3 * page_size);
  CHECK(shadow.empty());
  // Of what was never followed nothing is known.
  unknown.clear();
  shadow.leave(memory.range(), unknown);
  CHECK(unknown.size() == 4);
}

}  // namespace
}  // namespace fred
