#include "core/base/check.h"

#include "core/base/raw_syscall.h"

#include <sys/syscall.h>

#include <utility>

namespace fred {

namespace {
int g_error_descriptor = 2;
void write_line(const std::string& line) {
  raw_syscall(SYS_write, g_error_descriptor, reinterpret_cast<u64>(line.data()), line.size());
}

std::function<void(const std::string&)> g_on_failure;

[[noreturn]] void fail_with(int status, const std::string& line) {
  write_line(fmt::format("fred: {}\n", line));
  if (const auto handler = std::exchange(g_on_failure, nullptr)) handler(line);
  for (;;) raw_syscall(SYS_exit_group, static_cast<u64>(status));
}
}  // namespace

void on_failure(std::function<void(const std::string&)> handler) { g_on_failure = std::move(handler); }

void set_error_descriptor(int fd) { g_error_descriptor = fd; }
int error_descriptor() { return g_error_descriptor; }

void die(const char* file, int line, const std::string& message) {
  fail_with(125, fmt::format("internal error: {} ({}:{})", message, file, line));
}

void quit(int status, const std::string& message) { fail_with(status, message); }

}  // namespace fred
