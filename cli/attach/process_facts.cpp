#include "cli/attach/process_facts.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/arch/x86/state_memory.h"
#include "core/base/process_state.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

std::string path_of(pid_t pid, std::string_view name) { return fmt::format("/proc/{}/{}", pid, name); }

std::unexpected<Error> refuse(pid_t pid, int code, const std::string& why) {
  return std::unexpected(Error{code, fmt::format("cannot attach to process {}: {}", process_text(pid), why)});
}

std::string user_name(unsigned uid) {
  const auto* entry = getpwuid(uid);
  return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

/// The first of the numbers of such a line (real, effective, … ids).
long first_number(const std::string& text) {
  long value = -1;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool is_32_bit(pid_t pid) {
  const UniqueFd fd{open(path_of(pid, "exe").c_str(), O_RDONLY | O_CLOEXEC)};
  unsigned char ident[EI_NIDENT] = {};
  return pread(fd.get(), ident, sizeof ident, 0) == EI_NIDENT && ident[EI_CLASS] == ELFCLASS32;
}

bool is_engine_file(std::string_view path) {
  constexpr std::string_view name = "/fred-engine", gone = " (deleted)";
  if (path.ends_with(gone)) path.remove_suffix(gone.size());
  return path.ends_with(name);
}

}  // namespace

std::string proc_file(pid_t pid, std::string_view name) {
  std::ifstream in(path_of(pid, name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string proc_link(pid_t pid, std::string_view name) {
  char text[4096];
  const auto n = readlink(path_of(pid, name).c_str(), text, sizeof text);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

std::string status_value(pid_t pid, std::string_view name) {
  std::istringstream in(proc_file(pid, "status"));
  for (std::string line; std::getline(in, line);) {
    if (line.size() <= name.size() || !line.starts_with(name) || line[name.size()] != ':') continue;
    const auto begin = line.find_first_not_of(" \t", name.size() + 1);
    return begin != line.npos ? line.substr(begin) : std::string();
  }
  return {};
}

std::vector<unsigned long> stat_fields(pid_t pid) {
  const auto text = proc_file(pid, "stat");
  const auto name_end = text.rfind(')');  // the name may hold anything
  if (name_end == text.npos) return {};
  std::istringstream in(text.substr(name_end + 1));
  std::vector<unsigned long> fields(3);
  std::string field;
  for (bool state = true; in >> field; state = false) {
    unsigned long value = 0;
    std::from_chars(field.data(), field.data() + field.size(), value);
    if (state) fields.resize(3, 0);
    fields.push_back(value);
  }
  return fields;
}

std::string process_text(pid_t pid) {
  const auto name = status_value(pid, "Name");
  return name.empty() ? std::to_string(pid) : fmt::format("{} ({})", pid, name);
}

Result<> check_process(pid_t pid) {
  if (pid <= 0) return fail(fmt::format("'{}' is not the id of a process", pid));
  const auto state = status_value(pid, "State");
  if (state.empty()) return fail_errno(ESRCH, fmt::format("cannot attach to process {}", pid));
  if (pid == getpid()) return refuse(pid, EPERM, "it is fred itself");
  if (const auto leader = status_value(pid, "Tgid"); leader != std::to_string(pid))
    return refuse(pid, EINVAL, "it is a thread of process " + leader);
  if (is_dead(pid)) return refuse(pid, ESRCH, "it has ended (a zombie)");
  if (state.starts_with('Z')) return refuse(pid, ESRCH, "its main thread has ended");
  if (status_value(pid, "VmSize").empty()) return refuse(pid, EPERM, "it is a thread of the kernel");
  if (const auto tracer = first_number(status_value(pid, "TracerPid")); tracer > 0)
    return refuse(pid, EPERM,
                  fmt::format("it is traced by process {} already", process_text(static_cast<pid_t>(tracer))));
  if (state.starts_with('T')) return refuse(pid, EBUSY, fmt::format("it is stopped (kill -CONT {} has it go on)", pid));
  if (const auto seccomp = status_value(pid, "Seccomp"); !seccomp.empty() && seccomp != "0")
    return refuse(pid, EPERM, "it has a seccomp filter, which fred's own system calls would meet");
  if (status_value(pid, "NSpid").find('\t') != std::string::npos)
    return refuse(pid, EPERM, "it is in another namespace of process ids (a container)");
  if (is_engine_file(proc_link(pid, "exe"))) return refuse(pid, EBUSY, "it is under fred already");
  if (is_32_bit(pid)) return refuse(pid, ENOEXEC, "it is a 32-bit program");
  return {};
}

Error explain_refusal(pid_t pid, const Error& refusal) {
  if (refusal.code != EPERM && refusal.code != EACCES) return refusal;
  const auto owner = first_number(status_value(pid, "Uid"));
  std::string why = "not permitted";
  if (std::string scope; geteuid() != 0 && owner != static_cast<long>(geteuid())) {
    why = fmt::format("it belongs to user {}", user_name(static_cast<unsigned>(owner)));
  } else if (std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope && scope != "0") {
    why = fmt::format("not permitted (kernel.yama.ptrace_scope is {}; 0 allows it, and so does being root)", scope);
  }
  return refuse(pid, refusal.code, why).error();
}

Result<> check_memory(pid_t pid, const std::vector<KernelMapping>& mappings) {
  std::vector<GuestRange> occupied;
  for (const auto& m : mappings) {
    occupied.push_back(m.range);
    if (is_engine_file(m.path)) return refuse(pid, EBUSY, "it is under fred already");
    if (m.path.starts_with("anon_inode:[io_uring]"))
      return refuse(pid, ENOSYS, "it uses io_uring, which fred does not follow");
    if (m.device && !m.path.starts_with("["))
      return refuse(pid, ENODEV, "it has mapped a device, whose memory cannot be recorded");
  }
  if (!StateMemory::has_place(occupied))
    return refuse(pid, EEXIST, "it occupies all places below 2 GiB that fred needs one of");
  struct stat own {
  }, theirs{};
  const auto exe = proc_link(getpid(), "exe");
  if (stat(exe.c_str(), &own) != 0 || stat((path_of(pid, "root") + exe).c_str(), &theirs) != 0 ||
      own.st_dev != theirs.st_dev || own.st_ino != theirs.st_ino) {
    return refuse(pid, ENOENT, "it has another file system, in which fred is not (a container or chroot)");
  }
  return {};
}

}  // namespace fred
