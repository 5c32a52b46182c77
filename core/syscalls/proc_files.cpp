#include "core/syscalls/proc_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/base/raw_syscall.h"
#include "core/base/read_all.h"
#include "core/memory/guest_access.h"
#include "core/memory/guest_memory.h"
#include "core/memory/layout.h"
#include "core/memory/unique_fd.h"

namespace fred {

namespace {

std::string read_file(const char* path) {
  const UniqueFd fd{raw_syscall(SYS_open, reinterpret_cast<u64>(path), O_RDONLY | O_CLOEXEC)};
  return read_all(fd.get());
}

std::string guest_bytes(GuestRange range) {
  if (range.empty()) return {};
  std::string bytes(guest_readable(range.begin, range.size()), '\0');
  if (!guest_read(bytes.data(), range.begin, bytes.size())) bytes.clear();
  return bytes;
}

/// The words of a path without empty ones and ".".
std::vector<std::string_view> path_words(std::string_view path) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto word = path.substr(at, end - at);
    if (!word.empty() && word != ".") words.push_back(word);
    at = end + 1;
  }
  return words;
}

bool is_number(std::string_view word, i64 number) {
  i64 value = 0;
  const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
  return end.ec == std::errc{} && end.ptr == word.data() + word.size() && value == number;
}

/// The arguments as they are in memory now: a program that writes over them shows what it wrote, on into the
/// environment if it wrote over the last NUL.
std::string command_line(const GuestProcess& process) {
  std::string text = guest_bytes(process.args_area);
  if (text.empty() || text.back() == '\0') return text;
  text += guest_bytes({process.args_area.end, process.env_area.end});
  text.resize(std::min(text.size(), text.find('\0')));
  return text;
}

/// Sums of the guest's mappings, for the fields that tell of them.
struct Sizes {
  u64 all = 0, stack = 0;
  GuestRange code, data;  // of the executable
};

Sizes sizes_of(Engine& engine) {
  GuestMemory& memory = engine.memory();
  Sizes sizes;
  for (const auto& [begin, m] : memory.table().all()) {
    if (m.owner != Owner::guest) continue;
    sizes.all += m.range.size();
    if (mapping_name(m, memory.names()) == "[stack]") sizes.stack += m.range.size();
    if (!m.file || m.file->path != engine.process().exe) continue;
    GuestRange& part = m.prot & PROT_EXEC ? sizes.code : sizes.data;
    if (part.empty()) part = m.range;
    part.end = m.range.end;
  }
  return sizes;
}

/// The kernel's line with the fields replaced that tell of memory and name.
std::string stat_text(Engine& engine) {
  std::string real = read_file("/proc/self/stat");
  const auto open = real.find('('), close = real.rfind(')');
  if (open == real.npos || close == real.npos) return real;
  std::vector<std::string> fields{real.substr(0, open - 1), "(" + engine.process().comm + ")"};
  std::string_view rest = std::string_view(real).substr(close + 2);
  while (!rest.empty() && rest.back() == '\n') rest.remove_suffix(1);
  for (std::size_t at = 0; at < rest.size();) {
    const auto end = std::min(rest.find(' ', at), rest.size());
    fields.emplace_back(rest.substr(at, end - at));
    at = end + 1;
  }
  const Sizes sizes = sizes_of(engine);
  const MapNames names = engine.memory().names();
  const GuestProcess& process = engine.process();
  const auto set = [&](std::size_t number, u64 value) {  // numbered from 1, as the manual does
    if (number <= fields.size()) fields[number - 1] = std::to_string(value);
  };
  set(23, sizes.all);
  set(26, sizes.code.begin.value);
  set(27, sizes.code.end.value);
  set(28, names.stack.value);
  set(29, 0);
  set(30, 0);
  set(45, sizes.data.begin.value);
  set(46, sizes.data.end.value);
  set(47, names.heap.begin.value);
  set(48, process.args_area.begin.value);
  set(49, process.args_area.end.value);
  set(50, process.env_area.begin.value);
  set(51, process.env_area.end.value);
  return fmt::format("{}\n", fmt::join(fields, " "));
}

std::string statm_text(Engine& engine) {
  const std::string real = read_file("/proc/self/statm");
  const auto end = std::min(real.find(' '), real.size());
  return std::to_string(sizes_of(engine).all / page_size) + real.substr(end);
}

std::string status_text(Engine& engine) {
  const Sizes sizes = sizes_of(engine);
  const auto kib = [](u64 bytes) { return fmt::format("{:8} kB", bytes >> 10); };
  const std::pair<std::string_view, std::string> replaced[] = {
      {"Name:", engine.process().comm},
      {"VmPeak:", kib(sizes.all)},
      {"VmSize:", kib(sizes.all)},
      {"VmStk:", kib(sizes.stack)},
      {"VmExe:", kib(sizes.code.empty() ? 0 : sizes.code.size())},
  };
  const std::string real = read_file("/proc/self/status");
  std::string text;
  for (std::size_t at = 0; at < real.size();) {
    const auto end = std::min(real.find('\n', at), real.size());
    const std::string_view line(real.data() + at, end - at);
    at = end + 1;
    const auto* row = std::find_if(std::begin(replaced), std::end(replaced),
                                   [&](const auto& r) { return line.starts_with(r.first); });
    text += row == std::end(replaced) ? std::string(line) : fmt::format("{}\t{}", row->first, row->second);
    text += '\n';
  }
  return text;
}

/// One mapping's figures from the kernel's smaps, by name, in the kernel's order.
struct Figures {
  std::vector<std::pair<std::string, u64>> kib;
  std::string flags;

  void add(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == line.npos) return;
    const std::string name(line.substr(0, colon));
    if (name == "VmFlags") {
      if (flags.empty()) flags = line;
      return;
    }
    u64 value = 0;
    const auto digits = line.find_first_of("0123456789", colon);
    if (digits == line.npos) return;
    std::from_chars(line.data() + digits, line.data() + line.size(), value);
    const auto known = std::find_if(kib.begin(), kib.end(), [&](const auto& k) { return k.first == name; });
    if (known == kib.end())
      kib.emplace_back(name, value);
    else if (!name.ends_with("PageSize") && name != "THPeligible")
      known->second += value;
  }
};

/// The table's mappings, each with the sum of the figures of the kernel's mappings within it.
std::string smaps_text(Engine& engine) {
  GuestMemory& memory = engine.memory();
  memory.maps_text();  // brings growing stacks up to date
  std::map<GuestAddr, Figures> figures;
  const Mapping* current = nullptr;
  const std::string real = read_file("/proc/self/smaps");
  for (std::size_t at = 0; at < real.size();) {
    const auto end = std::min(real.find('\n', at), real.size());
    const std::string_view line(real.data() + at, end - at);
    at = end + 1;
    u64 begin = 0;
    const auto number = std::from_chars(line.data(), line.data() + line.size(), begin, 16);
    if (number.ec == std::errc{} && number.ptr != line.data() + line.size() && *number.ptr == '-') {
      current = memory.table().find(GuestAddr{begin});
      if (current && current->owner != Owner::guest) current = nullptr;
    } else if (current) {
      figures[current->range.begin].add(line);
    }
  }
  std::string text;
  for (const auto& [begin, m] : memory.table().all()) {
    if (m.owner != Owner::guest) continue;
    text += maps_line(m, mapping_name(m, memory.names()));
    for (const auto& [name, value] : figures[begin].kib)
      text += name == "THPeligible" ? fmt::format("{}:    {:8}\n", name, value)
                                    : fmt::format("{:<16}{:8} kB\n", name + ":", value);
    if (!figures[begin].flags.empty()) text += figures[begin].flags + "\n";
  }
  return text;
}

}  // namespace

std::optional<std::string> own_proc_part(std::string_view path) {
  if (!path.starts_with("/proc/")) return std::nullopt;
  const auto words = path_words(path);
  if (words.size() < 2) return std::nullopt;
  const i64 pid = raw_syscall(SYS_getpid), tid = raw_syscall(SYS_gettid);
  std::size_t at = 2;
  const bool self = words[1] == "self" || is_number(words[1], pid);
  if (!self && words[1] != "thread-self" && !is_number(words[1], tid)) return std::nullopt;
  if (words.size() > 3 && words[2] == "task" && is_number(words[3], tid)) at = 4;
  std::string rest;
  for (; at < words.size(); ++at) (rest += rest.empty() ? "" : "/") += words[at];
  return rest;
}

std::optional<std::string> emulated_proc_link(Engine& engine, std::string_view path) {
  const auto part = own_proc_part(path);
  if (!part || *part != "exe") return std::nullopt;
  return engine.process().exe;
}

std::optional<std::string> emulated_proc_text(Engine& engine, std::string_view path) {
  const auto part = own_proc_part(path);
  if (!part) return std::nullopt;
  const GuestProcess& process = engine.process();
  if (*part == "maps") return engine.memory().maps_text();
  if (*part == "smaps") return smaps_text(engine);
  if (*part == "auxv") return std::string(process.auxv.begin(), process.auxv.end());
  if (*part == "cmdline") return command_line(process);
  if (*part == "environ") return guest_bytes(process.env_area);
  if (*part == "comm") return process.comm + "\n";
  if (*part == "stat") return stat_text(engine);
  if (*part == "statm") return statm_text(engine);
  if (*part == "status") return status_text(engine);
  return std::nullopt;
}

}  // namespace fred
