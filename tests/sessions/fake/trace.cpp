#include "tests/sessions/fake/trace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>

#include "core/memory/unique_fd.h"

namespace fred::test {

namespace {

constexpr u64 stack_pages = 3;  // around the first stack pointer

std::string page_at(int memory, u64 page) {
  std::string bytes(page_size, '\0');
  return pread(memory, bytes.data(), page_size, static_cast<off_t>(page)) == page_size ? bytes : std::string();
}

bool single_step(pid_t pid) {
  int status = 0;
  return ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

}  // namespace

void Trace::note_page(u64 page, u64 step, std::string bytes) {
  auto& versions = pages_[page];
  if (versions.empty() || versions.rbegin()->second != bytes) versions.emplace(step, std::move(bytes));
}

bool Trace::read(u64 step, u64 address, u64 size, std::string& bytes) const {
  for (u64 done = 0; done < size;) {
    const u64 page = page_floor(address + done);
    const auto found = pages_.find(page);
    if (found == pages_.end()) return false;
    auto version = found->second.upper_bound(step);
    if (version == found->second.begin()) return false;
    const u64 offset = address + done - page, n = std::min(size - done, page_size - offset);
    bytes.append(std::prev(version)->second, offset, n);
    done += n;
  }
  return true;
}

Result<Trace> Trace::record(const std::string& program) {
  const pid_t pid = fork();
  if (pid < 0) return fail_errno(errno, "cannot fork");
  if (pid == 0) {
    personality(ADDR_NO_RANDOMIZE);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    char* const argv[] = {const_cast<char*>(program.c_str()), nullptr};
    char* const environment[] = {nullptr};
    execve(program.c_str(), argv, environment);
    _exit(127);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (!WIFSTOPPED(status)) return fail("cannot execute " + program);
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_EXITKILL);
  const UniqueFd memory(open(fmt::format("/proc/{}/mem", pid).c_str(), O_RDONLY | O_CLOEXEC));
  Trace trace;
  std::vector<u64> changing;
  std::ifstream maps(fmt::format("/proc/{}/maps", pid));
  for (std::string line; std::getline(maps, line);) {
    u64 begin = 0, end = 0;
    char dash = 0;
    std::string permissions;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> permissions;
    if (line.find('[') != std::string::npos) continue;  // the stack is taken below; the rest is the kernel's
    for (u64 page = begin; page < end; page += page_size) {
      trace.note_page(page, 0, page_at(memory.get(), page));
      if (permissions.starts_with("rw")) changing.push_back(page);
    }
  }
  for (;;) {
    user_regs_struct regs{};
    ptrace(PTRACE_GETREGS, pid, nullptr, &regs);
    // A stop before the instruction was executed.
    if (trace.size() != 0 && std::memcmp(&regs, &trace.registers_.back(), sizeof regs) == 0) {
      if (!single_step(pid)) return fail(program + " ended before its exit");
      continue;
    }
    const u64 step = trace.size();
    if (step == 0) {
      for (u64 i = 0; i < stack_pages; ++i) changing.push_back(page_floor(regs.rsp) - i * page_size);
    }
    for (const u64 page : changing) {
      if (auto bytes = page_at(memory.get(), page); !bytes.empty()) trace.note_page(page, step, std::move(bytes));
    }
    trace.registers_.push_back(regs);
    const auto code = static_cast<u16>(ptrace(PTRACE_PEEKTEXT, pid, regs.rip, nullptr));
    if (code == 0x050f && regs.rax == SYS_exit) break;
    if (!single_step(pid)) return fail(program + " ended before its exit");
  }
  kill(pid, SIGKILL);
  waitpid(pid, &status, 0);
  return trace;
}

}  // namespace fred::test
