// What a file mapping shows and where its bytes really come from. Pointer-free: it goes through the log and
// into saved states, so that a worker, which has none of the guest's descriptors, can map the same.
#pragma once
#include <compare>
#include <string>

#include "core/memory/bytes.h"

namespace fred {

/// Where the bytes of a mapping come from.
enum class Source : u8 {
  guest_file,  // the guest's own descriptor; nothing is kept (run mode)
  direct,      // the file itself by path: only root can change it; size and mtime are checked
  stand_in,    // a private copy in the recording's directory
  shared,      // MAP_SHARED and writable: the real file in live; in a worker a copy, filled from `source_path`
};

struct MappedFile {
  // What the guest sees in /proc/self/maps.
  std::string path = {};
  u64 dev = 0, ino = 0;
  // What is mapped.
  Source source = Source::guest_file;
  std::string source_path = {};  // of the file or its stand-in; a stand-in's is relative to the recording's directory
  u64 size = 0;                  // bytes, at mapping time
  i64 mtime_ns = 0;              // direct: checked when a worker opens it

  bool operator==(const MappedFile&) const = default;
  bool same_inode(const MappedFile& o) const { return dev == o.dev && ino == o.ino; }

  void write(ByteWriter& w) const {
    w.put(path).put(dev).put(ino).put(source).put(source_path).put(size).put(mtime_ns);
  }
  void read(ByteReader& r) { r.get(path).get(dev).get(ino).get(source).get(source_path).get(size).get(mtime_ns); }
};

}  // namespace fred
