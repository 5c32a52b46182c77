#include "core/base/check.h"

#include "core/base/raw_syscall.h"

#include <sys/syscall.h>

namespace fred {

namespace {
int g_error_descriptor = 2;

void write_line(const std::string& line) {
  raw_syscall(SYS_write, g_error_descriptor, reinterpret_cast<u64>(line.data()), line.size());
}
}  // namespace

void set_error_descriptor(int fd) { g_error_descriptor = fd; }
int error_descriptor() { return g_error_descriptor; }

void die(const char* file, int line, const std::string& message) {
  write_line(fmt::format("fred: internal error: {} ({}:{})\n", message, file, line));
  for (;;) raw_syscall(SYS_exit_group, 125);
}

void quit(int status, const std::string& message) {
  write_line(fmt::format("fred: {}\n", message));
  for (;;) raw_syscall(SYS_exit_group, static_cast<u64>(status));
}

}  // namespace fred
