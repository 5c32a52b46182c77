#include "core/elf/program.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/raw_syscall.h"

namespace fred {

namespace {

constexpr int script_levels = 5;
constexpr std::size_t script_line = 256;  // of the kernel: longer #! lines are cut or refused

std::unexpected<Error> refuse(int code, const std::string& path, const char* why) {
  return std::unexpected(Error{code, path + ": " + why});
}

/// Whether executing this file gives privileges that the engine, which runs in the same process, would not get.
Result<> check_privileges(int fd, const struct stat& st, const std::string& path) {
  struct statfs fs {};
  raw_syscall(SYS_fstatfs, arg(fd), arg(&fs));
  if (fs.f_flags & ST_NOSUID || raw_syscall(SYS_prctl, PR_GET_NO_NEW_PRIVS) == 1) return {};
  if (st.st_mode & S_ISUID && static_cast<i64>(st.st_uid) != raw_syscall(SYS_geteuid))
    return refuse(EPERM, path, "setuid program: it would run with another user's rights, which fred cannot give it");
  if ((st.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
      static_cast<i64>(st.st_gid) != raw_syscall(SYS_getegid))
    return refuse(EPERM, path, "setgid program: it would run with another group's rights, which fred cannot give it");
  char capability[64];
  if (raw_syscall(SYS_geteuid) != 0 &&
      raw_syscall(SYS_fgetxattr, arg(fd), arg("security.capability"), arg(capability), sizeof capability) > 0)
    return refuse(EPERM, path, "program with file capabilities: fred cannot give them to it");
  return {};
}

/// Opens a file that execve would accept so far.
Result<UniqueFd> open_executable(const std::string& path) {
  // faccessat2 honours the effective ids, as execve does; older kernels have the plain call only.
  i64 may = raw_syscall(SYS_faccessat2, arg(AT_FDCWD), arg(path.c_str()), X_OK, AT_EACCESS);
  if (may == -ENOSYS) may = raw_syscall(SYS_access, arg(path.c_str()), X_OK);
  if (may < 0) return fail_errno(static_cast<int>(-may), path);
  struct stat st {};
  if (const i64 r = raw_syscall(SYS_stat, arg(path.c_str()), arg(&st)); r < 0)
    return fail_errno(static_cast<int>(-r), path);
  if (S_ISDIR(st.st_mode)) return refuse(EACCES, path, "is a directory");
  if (!S_ISREG(st.st_mode)) return refuse(EACCES, path, "not a regular file");
  const i64 opened = raw_syscall(SYS_open, arg(path.c_str()), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (opened == -EACCES) return refuse(EACCES, path, "may be executed but not read, so it cannot be translated");
  if (opened < 0) return fail_errno(static_cast<int>(-opened), path);
  UniqueFd fd{opened};
  struct statfs fs {};
  raw_syscall(SYS_fstatfs, arg(fd.get()), arg(&fs));
  if (fs.f_flags & ST_NOEXEC) return refuse(EACCES, path, "lies on a file system mounted noexec");
  if (const auto allowed = check_privileges(fd.get(), st, path); !allowed) return std::unexpected(allowed.error());
  // A file that somebody has open for writing is not executed. Only a lease tells: it is refused then. (Where
  // leases are not ours to take, the question stays open.)
  const i64 lease = raw_syscall(SYS_fcntl, arg(fd.get()), F_SETLEASE, F_RDLCK);
  if (lease == -EAGAIN) return refuse(ETXTBSY, path, "is open for writing");
  if (lease == 0) raw_syscall(SYS_fcntl, arg(fd.get()), F_SETLEASE, F_UNLCK);
  return fd;
}

/// The words after #!: the interpreter and at most one argument.
struct ScriptLine {
  std::string interpreter, argument;
};

Result<ScriptLine> parse_script(std::string_view head, const std::string& path) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  std::string_view line = head.substr(2);
  const auto end = line.find('\n');
  const bool complete = end != line.npos || head.size() < script_line;
  line = line.substr(0, end);
  line = line.substr(0, line.find('\0'));
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (complete && !line.empty() && blank(line.back())) line.remove_suffix(1);
  const auto stop = line.find_first_of(" \t");
  if (line.empty() || (stop == line.npos && !complete)) return refuse(ENOEXEC, path, "bad #! line");
  ScriptLine found{std::string(line.substr(0, stop)), {}};
  if (stop != line.npos) {
    line.remove_prefix(stop);
    while (!line.empty() && blank(line.front())) line.remove_prefix(1);
    while (!line.empty() && blank(line.back())) line.remove_suffix(1);
    found.argument = line;
  }
  return found;
}

std::string absolute_path_of(int fd) {
  char text[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const i64 n = raw_syscall(SYS_readlink, arg(link.c_str()), arg(text), sizeof text);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

}  // namespace

Result<std::string> find_program(std::string_view name, const char* path_variable) {
  if (name.empty()) return refuse(ENOENT, "''", "command not found");
  if (name.find('/') != name.npos) return std::string(name);
  const std::string_view folders = path_variable ? path_variable : "/usr/local/bin:/usr/bin:/bin";
  Error last{ENOENT, std::string(name) + ": command not found"};
  for (std::size_t at = 0; at <= folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    std::string candidate(folders.substr(at, end - at));
    at = end + 1;
    if (candidate.empty()) candidate = ".";
    candidate += '/';
    candidate += name;
    struct stat st {};
    if (raw_syscall(SYS_stat, arg(candidate.c_str()), arg(&st)) < 0 || S_ISDIR(st.st_mode)) continue;
    if (raw_syscall(SYS_access, arg(candidate.c_str()), X_OK) == 0) return candidate;
    last = Error{EACCES, candidate + ": permission denied"};
  }
  return std::unexpected(std::move(last));
}

Result<Program> open_program(const std::string& path, std::vector<std::string> args) {
  Program program;
  program.path = program.execfn = path;
  program.args = std::move(args);
  if (program.args.empty()) program.args.emplace_back();
  for (int level = 0;; ++level) {
    auto fd = open_executable(program.path);
    if (!fd) return std::unexpected(fd.error());
    program.fd = std::move(*fd);
    char head[script_line];
    const i64 n = raw_syscall(SYS_pread64, arg(program.fd.get()), arg(head), sizeof head, 0);
    if (n < 0) return fail_errno(static_cast<int>(-n), program.path);
    if (n < 2 || head[0] != '#' || head[1] != '!') break;
    if (level == script_levels) return refuse(ELOOP, path, "too many levels of #! scripts");
    auto line = parse_script({head, static_cast<std::size_t>(n)}, program.path);
    if (!line) return std::unexpected(line.error());
    std::vector<std::string> longer{line->interpreter};
    if (!line->argument.empty()) longer.push_back(line->argument);
    longer.push_back(program.path);
    longer.insert(longer.end(), program.args.begin() + 1, program.args.end());
    program.args = std::move(longer);
    program.path = std::move(line->interpreter);
  }
  program.exe = absolute_path_of(program.fd.get());
  return program;
}

int exit_status_for(const Error& error) { return error.code == ENOENT ? 127 : 126; }

}  // namespace fred
