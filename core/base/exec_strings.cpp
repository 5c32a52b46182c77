#include "core/base/exec_strings.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/write_all.h"

namespace fred {

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (auto& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string joined(std::span<const std::string> strings) {
  std::string all;
  for (const auto& s : strings) all.append(s.c_str(), s.size() + 1);
  return all;
}

std::vector<std::string> separated(const std::string& text) {
  std::vector<std::string> strings;
  for (std::size_t at = 0; at < text.size(); at += strings.back().size() + 1) strings.emplace_back(text.c_str() + at);
  return strings;
}

Result<int> environment_file(std::span<const std::string> environment) {
  const int fd = memfd_create("fred-environment", 0);
  if (fd >= 0 && write_all(fd, joined(environment))) return fd;
  const int error = errno;
  if (fd >= 0) close(fd);
  return fail_errno(error, "cannot pass the environment on");
}

}  // namespace fred
