// The event log's windows of memory.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "core/trace/log_file.h"
#include "core/tree/recorded_tree.h"
#include "temporary_folder.h"
#include "test.h"

namespace fred {

TEST_CASE("log: a forked child that forgets the log leaves alone what lies where the parent has its window") {
  const test::TemporaryFolder folder;
  {
    LogWriter log;
    REQUIRE(log.open(log_path(folder.path())));
    log.begin(EventKind::syscall, 0, {}, std::nullopt);
    const auto* in_window = log.item_space(ItemKind::value, 8);
    const pid_t child = fork();
    if (child == 0) {
      void* page = reinterpret_cast<void*>(page_floor(reinterpret_cast<u64>(in_window)));
      void* own =
          mmap(page, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      if (own != page) _exit(1);
      static_cast<volatile u8*>(own)[7] = 42;
      log.abandon();
      _exit(static_cast<volatile u8*>(own)[7] == 42 ? 0 : 2);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    log.end();
  }
}

TEST_CASE("log: the event that a log breaks off in is read where that is asked for, as far as it is known") {
  const test::TemporaryFolder folder;
  const auto path = log_path(folder.path());
  const u64 known = 42;
  LogWriter log;
  REQUIRE(log.open(path));
  log.begin(EventKind::instruction, 0, {.ticks = 1, .pc = {}}, std::nullopt);
  log.end();
  log.begin(EventKind::syscall, 56, {.ticks = 2, .pc = {}, .rest = 3}, std::nullopt);
  log.item(ItemKind::value, &known, sizeof known);
  LogReader reader;
  REQUIRE(reader.open(path));
  REQUIRE(reader.next() != nullptr);
  CHECK(reader.peek() == nullptr);
  reader.take_unfinished(2);  // another one
  CHECK(reader.peek() == nullptr);
  reader.take_unfinished(1);
  const auto* event = reader.next();
  REQUIRE(event != nullptr);
  CHECK((event->kind == EventKind::syscall && event->detail == 56 && event->time().rest == 3));
  CHECK(reader.in_unfinished());
  LogReader::Item item;
  REQUIRE(reader.item(item));
  CHECK((item.kind == ItemKind::value && item.bytes.size() == sizeof known && item.bytes[0] == known));
  CHECK(reader.peek() == nullptr);
}

}  // namespace fred
