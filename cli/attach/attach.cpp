#include "cli/attach/attach.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "cli/attach/engine_start.h"
#include "cli/attach/leave.h"
#include "cli/attach/process_facts.h"
#include "cli/attach/stopped_process.h"
#include "cli/engine_process.h"
#include "core/attach/adopted_state.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/signals/kernel_signals.h"
#include "core/threads/remains.h"

namespace fred {

namespace {

namespace fs = std::filesystem;

constexpr u64 scratch_size = 16 * page_size;
/// Until the engine has taken the program over; it reads all of its mapped files, and copies some.
constexpr std::chrono::minutes longest_start{2};
constexpr u64 rseq_unregister = 1;
/// The program has looked already at what the processor can do.
constexpr const char* seen_processor = "--cpu=native";

GuestRange vdso_of(const std::vector<KernelMapping>& mappings) {
  const auto found = std::ranges::find(mappings, "[vdso]", &KernelMapping::path);
  return found != mappings.end() ? found->range : GuestRange{};
}

std::vector<std::string> split_strings(const std::string& text) {
  std::vector<std::string> strings;
  for (std::size_t at = 0; at < text.size();) {
    strings.emplace_back(text.c_str() + at);
    at += strings.back().size() + 1;
  }
  return strings;
}

std::set<int> descriptors_of(pid_t pid) {
  std::set<int> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), error))
    found.insert(std::atoi(entry.path().filename().c_str()));
  return found;
}

/// One attachment under way. Until it is complete everything can be undone, and is, by the destructor.
class Attachment {
 public:
  Attachment(StoppedProcess process, std::string smaps, std::vector<KernelMapping> mappings)
      : process_(std::move(process)), mappings_(std::move(mappings)), descriptors_(descriptors_of(process_.pid())) {
    state_.smaps = std::move(smaps);
  }
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  ~Attachment() {
    if (!complete_) undo();
  }

  Result<> note_process();
  Result<> note_threads();
  Result<Peer> start(const RecordingFolder& folder, const std::vector<std::string>& options);
  const std::vector<std::string>& args() const { return state_.args; }

 private:
  Result<AdoptedThread> note_thread(const StoppedThread& thread);
  Result<> leave_rseq(const StoppedThread& thread, Registers& registers);
  Result<UniqueFd> make_socket(u64& theirs);
  Result<std::vector<ThreadEntry>> wait_for_engine(int socket);
  void undo();

  struct Rseq {
    u64 at, size, signature;
  };
  StoppedProcess process_;
  std::vector<KernelMapping> mappings_;
  std::set<int> descriptors_;
  AdoptedState state_;
  std::map<pid_t, Rseq> rseqs_;
  u64 scratch_ = 0;
  bool running_ = false, complete_ = false;
};

/// The stopped process is again as it was. What its threads do next ~StoppedProcess puts back.
void Attachment::undo() {
  const pid_t pid = process_.pid();
  if (running_ && !process_.stop_again(pid)) return;
  for (const auto& [tid, rseq] : rseqs_) process_.call_in(tid, SYS_rseq, {rseq.at, rseq.size, 0, rseq.signature, 0, 0});
  for (const int fd : descriptors_of(pid)) {
    if (!descriptors_.contains(fd)) process_.call(SYS_close, static_cast<u64>(fd));
  }
  const auto now = parse_smaps(proc_file(pid, "smaps"));
  if (!now) return;
  for (const auto& m : *now) {
    GuestAddr at = m.range.begin;
    const auto drop_to = [&](GuestAddr end) {
      if (at < end) process_.call(SYS_munmap, at.value, end - at);
    };
    for (const auto& old : mappings_) {
      if (!old.range.overlaps(m.range)) continue;
      drop_to(old.range.begin);
      at = std::max(at, old.range.end);
    }
    drop_to(m.range.end);
  }
}

Result<> Attachment::note_process() {
  const pid_t pid = process_.pid();
  const auto scratch =
      made(process_.call(SYS_mmap, 0, scratch_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~u64{0}, 0),
           "mmap");
  if (!scratch) return std::unexpected(scratch.error());
  scratch_ = *scratch;
  const auto stat = stat_fields(pid);
  constexpr std::size_t startstack = 28, start_brk = 47, arg_start = 48, arg_end = 49, env_start = 50, env_end = 51;
  if (stat.size() <= env_end) return fail("cannot read what /proc tells of the process");
  state_.initial_sp = stat[startstack];
  state_.heap_begin = stat[start_brk];
  state_.args_area = {GuestAddr{stat[arg_start]}, GuestAddr{stat[arg_end]}};
  state_.env_area = {GuestAddr{stat[env_start]}, GuestAddr{stat[env_end]}};
  state_.brk = static_cast<u64>(process_.call(SYS_brk, 0));
  const u64 guard = page_ceil(state_.brk);
  const i64 guarded = process_.call(SYS_mmap, guard, page_size, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, ~u64{0}, 0);
  if (static_cast<u64>(guarded) == guard) state_.heap_guard = guest_range(GuestAddr{guard}, page_size);
  state_.vdso = vdso_of(mappings_);
  state_.exe = proc_link(pid, "exe");
  const auto auxv = proc_file(pid, "auxv");
  state_.auxv.assign(auxv.begin(), auxv.end());
  state_.args = split_strings(proc_file(pid, "cmdline"));
  state_.env = split_strings(proc_file(pid, "environ"));
  if (state_.args.empty()) state_.args.emplace_back();
  return {};
}

Result<> Attachment::note_threads() {
  const auto threads = process_.threads();
  for (const auto& thread : threads) {
    auto noted = note_thread(thread);
    if (!noted) return std::unexpected(noted.error());
    state_.threads.push_back(std::move(*noted));
  }
  return {};
}

Result<AdoptedThread> Attachment::note_thread(const StoppedThread& thread) {
  const auto& r = thread.regs;
  AdoptedThread t{.tid = thread.tid,
                  .registers = {.gpr = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi, r.r8, r.r9, r.r10,
                                        r.r11, r.r12, r.r13, r.r14, r.r15},
                                .rip = r.rip,
                                .rflags = r.eflags,
                                .fs_base = r.fs_base,
                                .gs_base = r.gs_base},
                  .vector = process_.vector_state(thread.tid),
                  .mask = thread.mask,
                  .alt_stack = {},
                  .robust_list = {},
                  .clear_tid = {},
                  .comm = proc_file(process_.pid(), fmt::format("task/{}/comm", thread.tid))};
  if (t.comm.ends_with('\n')) t.comm.pop_back();
  constexpr std::size_t smallest_area = 576, present_at = 512;
  constexpr u64 tiles = u64{3} << 17;
  if (t.vector.size() < smallest_area) return fail("cannot read the process's vector registers");
  u64 present;
  std::memcpy(&present, t.vector.data() + present_at, sizeof present);
  if ((present & tiles) != 0) return fail("the process uses AMX, which fred does not follow");
  if (auto left = leave_rseq(thread, t.registers); !left) return std::unexpected(left.error());
  if (process_.call_in(thread.tid, SYS_sigaltstack, {0, scratch_, 0, 0, 0, 0}) != 0 ||
      !process_.read(scratch_, &t.alt_stack, sizeof t.alt_stack)) {
    return fail("cannot read the process's signal stacks");
  }
  t.alt_stack.flags &= ~SS_ONSTACK;
  const i64 cleared = process_.call_in(thread.tid, SYS_prctl, {PR_GET_TID_ADDRESS, scratch_, 0, 0, 0, 0});
  if (cleared == 0) {
    process_.read(scratch_, &t.clear_tid, sizeof t.clear_tid);
  } else if (process_.threads().size() > 1) {
    return fail("this kernel does not tell what threads leave when they end (CONFIG_CHECKPOINT_RESTORE)");
  }
  u64 head = 0, size = 0;
  if (syscall(SYS_get_robust_list, thread.tid, &head, &size) == 0) t.robust_list = GuestAddr{head};
  return t;
}

/// Restartable sequences are not known under the engine: the kernel forgets them, as it does for a program that asks
/// for that. A thread in the middle of one begins it anew.
Result<> Attachment::leave_rseq(const StoppedThread& thread, Registers& registers) {
  __ptrace_rseq_configuration rseq{};
  const long size =
      ptrace(static_cast<__ptrace_request>(PTRACE_GET_RSEQ_CONFIGURATION), thread.tid, sizeof rseq, &rseq);
  if (size < 0 || rseq.rseq_abi_pointer == 0) return {};
  struct {
    u32 version, flags;
    u64 start, size, abort;
  } sequence{};
  u64 at = 0;
  if (process_.read(rseq.rseq_abi_pointer + 8, &at, sizeof at) && at != 0 &&
      process_.read(at, &sequence, sizeof sequence)) {
    if (registers.rip - sequence.start < sequence.size) registers.rip = sequence.abort;
  }
  const Rseq left{rseq.rseq_abi_pointer, rseq.rseq_abi_size, rseq.signature};
  const i64 done = process_.call_in(thread.tid, SYS_rseq, {left.at, left.size, rseq_unregister, left.signature, 0, 0});
  if (done != 0) return fail_errno(static_cast<int>(-done), "within the process: rseq");
  rseqs_[thread.tid] = left;
  return {};
}

/// A socket pair made in the process, of which this one takes an end: no path and no namespace is in its way.
Result<UniqueFd> Attachment::make_socket(u64& theirs) {
  const auto pair =
      made(process_.call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, scratch_), "socketpair");
  int ends[2];
  if (!pair) return std::unexpected(pair.error());
  if (!process_.read(scratch_, ends, sizeof ends)) return fail("cannot read the process's memory");
  const UniqueFd handle{syscall(SYS_pidfd_open, process_.pid(), 0)};
  UniqueFd ours{syscall(SYS_pidfd_getfd, handle.get(), ends[0], 0)};
  const int error = errno;
  process_.call(SYS_close, static_cast<u64>(ends[0]));
  if (!ours) return fail_errno(error, "cannot share a socket with the process");
  theirs = static_cast<u64>(ends[1]);
  return ours;
}

/// A terminal or a file of ours is no harm to the process; a pipe could send it SIGPIPE.
int lines_to_user() {
  struct stat st {};
  return fstat(STDERR_FILENO, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISREG(st.st_mode)) ? STDERR_FILENO : -1;
}

/// The process may be another user's.
void hand_folder_to(pid_t pid, const std::string& path) {
  struct stat st {};
  if (stat(fmt::format("/proc/{}", pid).c_str(), &st) != 0 || st.st_uid == geteuid()) return;
  for (const auto& part : {path, path + "/files", path + "/attached"}) {
    if (chown(part.c_str(), st.st_uid, st.st_gid) != 0) return;
  }
}

Result<Peer> Attachment::start(const RecordingFolder& folder, const std::vector<std::string>& options) {
  u64 theirs = 0;
  auto socket = make_socket(theirs);
  if (!socket) return std::unexpected(socket.error());
  const auto path = folder.path() + "/attached";
  const auto bytes = state_.serialise();
  std::ofstream out(path, std::ios::binary);
  fs::permissions(path, fs::perms{0600});
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) return fail_errno(EIO, "cannot write " + path);
  hand_folder_to(process_.pid(), folder.path());
  std::vector<std::string> arguments{"fred-engine",
                                     "adopt",
                                     "--dir=" + folder.path(),
                                     "--state=" + path,
                                     fmt::format("--control-fd={}", theirs),
                                     "--engine=" + engine_path()};
  if (const char* log = std::getenv("FRED_LOG"); log != nullptr) {
    if (auto known = set_log_levels(log); !known) return std::unexpected(known.error());  // it would end the program
    arguments.push_back(std::string("--log=") + log);
  }
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.insert(arguments.end(), {seen_processor, "--", state_.exe});
  const auto at = prepare_engine(process_, engine_path(), arguments, state_.auxv, scratch_);
  if (!at) return std::unexpected(at.error());
  process_.call(SYS_munmap, scratch_, scratch_size);
  const int descriptors[] = {folder.lifeline(), lines_to_user()};
  for (u64 i = 0; i < 2; ++i) {
    const Message m{.kind = MessageKind::take, .number = {i}};
    if (auto sent = send_message(socket->get(), m, descriptors[i]); !sent) return std::unexpected(sent.error());
  }
  running_ = process_.start(process_.pid(), at->pc, at->sp, 0, ~synchronous_signals);
  if (!running_) return fail("cannot start the engine within the process");
  const auto entries = wait_for_engine(socket->get());
  if (!entries) return std::unexpected(entries.error());
  complete_ = true;
  for (const auto& e : *entries) {
    process_.start(e.tid, e.pc, e.sp, e.argument, ~u64{0});
    if (process_.stop_again(e.tid)) process_.let_go(e.tid);
  }
  if (process_.stop_again(process_.pid())) process_.let_go(process_.pid());
  return Peer{process_.pid(), std::move(*socket)};
}

Result<std::vector<ThreadEntry>> Attachment::wait_for_engine(int socket) {
  const auto until = std::chrono::steady_clock::now() + longest_start;
  std::vector<ThreadEntry> entries;
  while (process_.look_after(process_.pid())) {
    pollfd source{socket, POLLIN, 0};
    constexpr int look_again_ms = 5;
    if (poll(&source, 1, look_again_ms) <= 0) {
      if (std::chrono::steady_clock::now() < until) continue;
      return fail("its engine does not get ready");
    }
    const auto m = receive_message(socket);
    if (!m) break;
    if (m->kind == MessageKind::start_failed) return fail(m->text);
    const auto part = m->bytes();
    const std::size_t before = entries.size();
    entries.resize(before + part.size() / sizeof(ThreadEntry));
    std::memcpy(entries.data() + before, part.data(), (entries.size() - before) * sizeof(ThreadEntry));
    if (m->kind == MessageKind::started) return entries;
  }
  running_ = false;
  return fail("its engine has ended");
}

/// Where an engine has left the process before: what has stayed of it.
std::vector<GuestRange> find_remains(const StoppedProcess& process) {
  std::vector<GuestRange> found;
  const auto mappings = parse_smaps(proc_file(process.pid(), "maps"));
  for (const auto& m : mappings ? *mappings : std::vector<KernelMapping>{}) {
    RemainsHeader header;
    if (m.path != RemainsHeader::path || !process.read(m.range.begin.value, &header, sizeof header)) continue;
    if (header.magic == RemainsHeader::right_magic) found.push_back(guest_range(m.range.begin, header.size));
  }
  return found;
}

/// Stops the process when none of its threads takes its last steps there any more, and unmaps that.
Result<StoppedProcess> stop_without_remains(pid_t pid, GuestRange vdso) {
  const auto until = std::chrono::steady_clock::now() + longest_leave;
  for (;;) {
    auto process = StoppedProcess::stop(pid, vdso);
    if (!process) return process;
    const auto remains = find_remains(*process);
    const bool in_use = std::ranges::any_of(process->threads(), [&](const StoppedThread& t) {
      return std::ranges::any_of(remains, [&](GuestRange r) { return r.contains(GuestAddr{t.regs.rip}); });
    });
    if (!in_use) {
      for (const auto& range : remains) process->call(SYS_munmap, range.begin.value, range.size());
      return process;
    }
    if (std::chrono::steady_clock::now() > until) return fail_errno(EBUSY, "fred is just leaving it");
  }
}

/// A process that is stopped, and what it has mapped.
struct Stopped {
  StoppedProcess process;
  std::string smaps;
  std::vector<KernelMapping> mappings;
};

/// The vDSO is looked for before: a thread within one of its clock functions has to be stepped out of it without delay.
/// A process that has executed another program meanwhile has another one, and is stopped again.
Result<Stopped> stop_process(pid_t pid) {
  constexpr int most_tries = 20;
  for (int tries = 1;; ++tries) {
    errno = 0;
    const auto before = parse_smaps(proc_file(pid, "maps"));
    if (!before || before->empty()) return std::unexpected(Error{EACCES, "not permitted"});
    const GuestRange vdso = vdso_of(*before);
    auto process = stop_without_remains(pid, vdso);
    auto smaps = proc_file(pid, "smaps");
    auto mappings = parse_smaps(smaps);
    const bool the_same = mappings && vdso_of(*mappings) == vdso;
    if (!the_same && tries < most_tries) continue;
    if (!process) return std::unexpected(process.error());
    if (!mappings) return std::unexpected(mappings.error());
    return Stopped{std::move(*process), std::move(smaps), std::move(*mappings)};
  }
}

}  // namespace

Result<Attached> attach(pid_t pid, const RecordingFolder& folder, const std::vector<std::string>& engine) {
  if (auto possible = check_process(pid); !possible) return std::unexpected(possible.error());
  const auto explained = [pid](Error error) {
    error = explain_refusal(pid, error);
    const std::string begin = "cannot attach to process";
    if (!error.message.starts_with(begin))
      error.message = fmt::format("{} {}: {}", begin, process_text(pid), error.message);
    return std::unexpected(std::move(error));
  };
  auto stopped = stop_process(pid);
  if (!stopped) return explained(stopped.error());
  if (auto possible = check_memory(pid, stopped->mappings); !possible) return std::unexpected(possible.error());
  Attachment attachment(std::move(stopped->process), std::move(stopped->smaps), std::move(stopped->mappings));
  if (auto noted = attachment.note_process(); !noted) return explained(noted.error());
  if (auto noted = attachment.note_threads(); !noted) return explained(noted.error());
  auto live = attachment.start(folder, engine);
  if (!live) return explained(live.error());
  return Attached{.live = std::move(*live), .args = attachment.args()};
}

EngineCommand replay_command(const Attached& attached, const RecordingFolder& folder,
                             const std::vector<std::string>& engine) {
  EngineCommand command{.mode = "replay",
                        .dir = folder.path(),
                        .lifeline = folder.lifeline(),
                        .options = engine,
                        .program = attached.args.front(),
                        .args = attached.args};
  command.options.emplace_back(seen_processor);
  return command;
}

}  // namespace fred
