// gdb reads the program's files through the server (vFile packets): fred's host is the program's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/memory/unique_fd.h"
#include "gdbmi/rsp/packets.h"

namespace fred::remote {

class HostFiles {
 public:
  /// What a path holds for the program that only the target knows (files of its /proc); nothing: the host's file.
  using Substitute = std::function<std::optional<std::string>(const std::string& path)>;
  explicit HostFiles(Substitute substitute) : substitute_(std::move(substitute)) {}

  // Each gives the reply.
  std::string open(const FileOpen& packet);
  std::string read(const FileRead& packet);
  std::string status(const FileStatus& packet);
  std::string close(const FileClose& packet);
  std::string read_link(const FileReadLink& packet) const;

 private:
  struct File {
    UniqueFd host;
    std::string content;  // of a substitute: without a host file
  };

  Substitute substitute_;
  std::map<u64, File> open_;
  u64 next_ = 1;
};

}  // namespace fred::remote
