// Packets from gdb as values: one type per packet. Parsing is pure, and bad input gives nothing.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/types.h"

namespace fred::remote {

/// A thread of a process as gdb names it: p1f.20, 20, -1 (all), 0 (any).
struct ThreadSpec {
  static constexpr i64 all = -1, any = 0;
  i64 process = any, thread = any;
  bool operator==(const ThreadSpec&) const = default;
};

// Packets that say nothing but their name.
// clang-format off
#define FRED_EMPTY_PACKETS(P) \
  P(WhyStopped) P(Extend) P(ReadRegisters) P(Kill) \
  P(StepBackwards) P(ContinueBackwards) P(WhichActions) P(NoAcknowledgements) \
  P(ResetEnvironment) P(CurrentThread) P(FirstThreads) P(MoreThreads)
// clang-format on
#define P(Type)                                   \
  struct Type {                                   \
    bool operator==(const Type&) const = default; \
  };
FRED_EMPTY_PACKETS(P)
#undef P

/// The others read what stands behind the name; nothing if that is not what the protocol says.
#define FRED_PACKET(Type)                                  \
  static std::optional<Type> parse(std::string_view text); \
  bool operator==(const Type&) const = default

struct WriteRegisters {
  std::vector<u8> bytes;
  FRED_PACKET(WriteRegisters);
};
struct ReadRegister {
  u64 number = 0;
  FRED_PACKET(ReadRegister);
};
struct WriteRegister {
  u64 number = 0;
  std::vector<u8> bytes;
  FRED_PACKET(WriteRegister);
};
struct ReadMemory {
  GuestAddr at;
  u64 size = 0;
  FRED_PACKET(ReadMemory);
};
struct ReadMemoryBinary {
  GuestAddr at;
  u64 size = 0;
  FRED_PACKET(ReadMemoryBinary);
};
struct WriteMemory {
  GuestAddr at;
  std::vector<u8> bytes;
  FRED_PACKET(WriteMemory);
};
struct WriteMemoryBinary {
  GuestAddr at;
  std::vector<u8> bytes;
  FRED_PACKET(WriteMemoryBinary);
};
struct SelectThread {
  char purpose = 'g';  // c: continuing and stepping; g: everything else
  ThreadSpec thread;
  FRED_PACKET(SelectThread);
};
struct ThreadAlive {
  ThreadSpec thread;
  FRED_PACKET(ThreadAlive);
};
struct Detach {
  u64 process = 0;  // 0: the current one
  FRED_PACKET(Detach);
};
struct Restart {
  FRED_PACKET(Restart);
};
/// The old ways to go on, from the current thread; signals are numbered as gdb numbers them.
struct StepAt {
  std::optional<GuestAddr> at;
  FRED_PACKET(StepAt);
};
struct StepWithSignal {
  u8 signal = 0;
  std::optional<GuestAddr> at;
  FRED_PACKET(StepWithSignal);
};
struct ContinueAt {
  std::optional<GuestAddr> at;
  FRED_PACKET(ContinueAt);
};
struct ContinueWithSignal {
  u8 signal = 0;
  std::optional<GuestAddr> at;
  FRED_PACKET(ContinueWithSignal);
};
enum class PointKind : u8 { software_break, hardware_break, write_watch, read_watch, access_watch };
struct Point {
  PointKind kind{};
  GuestAddr at;
  u64 size = 0;  // of a watched object; for breaks the size of the instruction that gdb would put there
  auto operator<=>(const Point&) const = default;
};
struct InsertPoint {
  Point point;
  FRED_PACKET(InsertPoint);
};
struct RemovePoint {
  Point point;
  FRED_PACKET(RemovePoint);
};
struct ResumeAction {
  enum class Kind : u8 { go, step, step_range, stop };
  Kind kind{};
  std::optional<u8> signal;  // gdb's number
  GuestRange range;          // step_range
  std::optional<ThreadSpec> thread;
  bool operator==(const ResumeAction&) const = default;
};
struct Resume {
  std::vector<ResumeAction> actions;  // the first one that fits a thread counts
  FRED_PACKET(Resume);
};
struct Run {
  std::string program;  // empty: the one before
  std::vector<std::string> args;
  FRED_PACKET(Run);
};
struct KillProcess {
  u64 process = 0;
  FRED_PACKET(KillProcess);
};
struct FileSystem {
  u64 process = 0;
  FRED_PACKET(FileSystem);
};
struct FileOpen {
  std::string path;
  u64 flags = 0, mode = 0;
  FRED_PACKET(FileOpen);
};
struct FileClose {
  u64 file = 0;
  FRED_PACKET(FileClose);
};
struct FileRead {
  u64 file = 0, size = 0, offset = 0;
  FRED_PACKET(FileRead);
};
struct FileStatus {
  u64 file = 0;
  FRED_PACKET(FileStatus);
};
struct FileReadLink {
  std::string path;
  FRED_PACKET(FileReadLink);
};
struct Supported {
  std::vector<std::string> features;
  FRED_PACKET(Supported);
};
struct NonStop {
  bool on = false;
  FRED_PACKET(NonStop);
};
struct PassSignals {
  std::vector<u8> signals;  // gdb's numbers
  FRED_PACKET(PassSignals);
};
struct ProgramSignals {
  std::vector<u8> signals;
  FRED_PACKET(ProgramSignals);
};
struct CatchSyscalls {
  bool on = false;
  std::vector<u32> numbers;  // none: all
  FRED_PACKET(CatchSyscalls);
};
struct StartWithShell {
  bool on = false;
  FRED_PACKET(StartWithShell);
};
struct DisableRandomization {
  bool on = false;
  FRED_PACKET(DisableRandomization);
};
struct SetVariable {
  std::string assignment;  // NAME=VALUE
  FRED_PACKET(SetVariable);
};
struct UnsetVariable {
  std::string name;
  FRED_PACKET(UnsetVariable);
};
struct SetWorkingDirectory {
  std::string path;  // empty: fred's own
  FRED_PACKET(SetWorkingDirectory);
};
struct Attach {
  u64 process = 0;
  FRED_PACKET(Attach);
};
struct Attached {
  FRED_PACKET(Attached);
};
struct ThreadName {
  ThreadSpec thread;
  FRED_PACKET(ThreadName);
};
struct Transfer {
  std::string object, annex;
  u64 offset = 0, size = 0;
  std::optional<std::vector<u8>> written = std::nullopt;  // nothing: it is read
  FRED_PACKET(Transfer);
};
struct Monitor {
  std::string command;
  FRED_PACKET(Monitor);
};
/// gdb has symbols to look up, or tells one; without a value it does not know it.
struct Symbol {
  std::string name;
  std::optional<GuestAddr> value;
  FRED_PACKET(Symbol);
};
struct ThreadLocal {
  ThreadSpec thread;
  u64 offset = 0;
  GuestAddr link_map;
  FRED_PACKET(ThreadLocal);
};
struct SearchMemory {
  GuestAddr at;
  u64 size = 0;
  std::vector<u8> pattern;
  FRED_PACKET(SearchMemory);
};
#undef FRED_PACKET

/// A packet that has no row, or does not say what its row wants.
struct Unknown {
  bool operator==(const Unknown&) const = default;
};
struct Malformed {
  bool operator==(const Malformed&) const = default;
};

using Packet =
    std::variant<Unknown, Malformed,
#define P(Type) Type,
                 FRED_EMPTY_PACKETS(P)
#undef P
                     WriteRegisters,
                 ReadRegister, WriteRegister, ReadMemory, ReadMemoryBinary, WriteMemory, WriteMemoryBinary,
                 SelectThread, ThreadAlive, Detach, Restart, StepAt, StepWithSignal, ContinueAt, ContinueWithSignal,
                 InsertPoint, RemovePoint, Resume, Run, KillProcess, FileSystem, FileOpen, FileClose, FileRead,
                 FileStatus, FileReadLink, Supported, NonStop, PassSignals, ProgramSignals, CatchSyscalls,
                 StartWithShell, DisableRandomization, SetVariable, UnsetVariable, SetWorkingDirectory, Attach,
                 Attached, ThreadName, Transfer, Monitor, Symbol, ThreadLocal, SearchMemory>;

Packet parse_packet(std::string_view data);

}  // namespace fred::remote
