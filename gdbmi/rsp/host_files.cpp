#include "gdbmi/rsp/host_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "gdbmi/rsp/framing.h"

namespace fred::remote {

namespace {

// Numbers of gdb's File-I/O protocol, which are the same on every system (gdb manual, "Open Flags", "Errno Values").
constexpr u64 wants_write = 0x3, wants_create = 0x200, wants_truncate = 0x400;
struct ErrorNumber {
  int linux_number, protocol;
};
constexpr ErrorNumber error_numbers[] = {{EPERM, 1},   {ENOENT, 2},  {EINTR, 4},   {EBADF, 9},        {EACCES, 13},
                                         {EFAULT, 14}, {EBUSY, 16},  {EEXIST, 17}, {ENODEV, 19},      {ENOTDIR, 20},
                                         {EISDIR, 21}, {EINVAL, 22}, {ENFILE, 23}, {EMFILE, 24},      {EFBIG, 27},
                                         {ENOSPC, 28}, {ESPIPE, 29}, {EROFS, 30},  {ENAMETOOLONG, 91}};
constexpr int unknown_error = 9999;

std::string failure(int error) {
  const auto* row = std::ranges::find(error_numbers, error, &ErrorNumber::linux_number);
  return fmt::format("F-1,{:x}", row != std::end(error_numbers) ? row->protocol : unknown_error);
}

std::string with_data(std::string_view data) {
  std::string reply = fmt::format("F{:x};", data.size());
  reply.append(data);
  return reply;
}

/// Appends a number in big-endian order.
void put(std::string& bytes, u64 value, int size) {
  for (int i = size - 1; i >= 0; --i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

/// gdb's struct stat (gdb manual, "struct stat").
std::string stat_bytes(const struct stat& s) {
  std::string bytes;
  put(bytes, s.st_dev, 4);
  put(bytes, s.st_ino, 4);
  put(bytes, s.st_mode, 4);
  put(bytes, s.st_nlink, 4);
  put(bytes, s.st_uid, 4);
  put(bytes, s.st_gid, 4);
  put(bytes, s.st_rdev, 4);
  put(bytes, static_cast<u64>(s.st_size), 8);
  put(bytes, static_cast<u64>(s.st_blksize), 8);
  put(bytes, static_cast<u64>(s.st_blocks), 8);
  put(bytes, static_cast<u64>(s.st_atime), 4);
  put(bytes, static_cast<u64>(s.st_mtime), 4);
  put(bytes, static_cast<u64>(s.st_ctime), 4);
  return bytes;
}

}  // namespace

std::string HostFiles::open(const FileOpen& packet) {
  if ((packet.flags & (wants_write | wants_create | wants_truncate)) != 0) return failure(EROFS);
  File file;
  if (auto content = substitute_(packet.path)) {
    file.content = std::move(*content);
  } else {
    file.host = UniqueFd{::open(packet.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file.host.get() < 0) return failure(errno);
  }
  open_.emplace(next_, std::move(file));
  return fmt::format("F{:x}", next_++);
}

std::string HostFiles::read(const FileRead& packet) {
  const auto found = open_.find(packet.file);
  if (found == open_.end()) return failure(EBADF);
  const auto& file = found->second;
  // Half a packet: each byte may have to be escaped.
  const auto size = std::min<u64>(packet.size, packet_size / 2 - 64);
  if (file.host.get() < 0) {
    return with_data(std::string_view(file.content).substr(std::min<u64>(packet.offset, file.content.size()), size));
  }
  std::string data(size, '\0');
  const auto got = pread(file.host.get(), data.data(), size, static_cast<off_t>(packet.offset));
  if (got < 0) return failure(errno);
  return with_data(std::string_view(data).substr(0, static_cast<std::size_t>(got)));
}

std::string HostFiles::status(const FileStatus& packet) {
  const auto found = open_.find(packet.file);
  if (found == open_.end()) return failure(EBADF);
  struct stat s {};
  if (found->second.host.get() < 0) {
    s.st_mode = S_IFREG | 0444;
    s.st_size = static_cast<off_t>(found->second.content.size());
  } else if (fstat(found->second.host.get(), &s) != 0) {
    return failure(errno);
  }
  return with_data(stat_bytes(s));
}

std::string HostFiles::close(const FileClose& packet) { return open_.erase(packet.file) != 0 ? "F0" : failure(EBADF); }

std::string HostFiles::read_link(const FileReadLink& packet) const {
  if (const auto target = substitute_(packet.path)) return with_data(*target);
  std::string target(4096, '\0');
  const auto size = readlink(packet.path.c_str(), target.data(), target.size());
  if (size < 0) return failure(errno);
  target.resize(static_cast<std::size_t>(size));
  return with_data(target);
}

}  // namespace fred::remote
