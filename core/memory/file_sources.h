// Where the bytes of mapped files come from, decided in live, and found again in a worker.
//
// A fork does not freeze a mapped file: after a write to it, a snapshot's private and read-only shared pages
// show the new bytes. So while recording, a file that this user could change is mapped from a private
// stand-in in the recording's directory; a file that only root can change is mapped directly, its size and
// mtime being checked when a worker opens it. Memory that is MAP_SHARED with a writable file stays real in
// live, and is a private object (per inode, so that two mappings of one file stay one memory) in a worker.
#pragma once
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/error.h"
#include "core/engine.h"
#include "core/memory/mapped_file.h"
#include "core/memory/unique_fd.h"

namespace fred {

/// Which part of a file is mapped how.
struct FileUse {
  u64 offset = 0, size = 0;  // bytes
  int prot = 0;
  bool shared = false;  // MAP_SHARED
};

struct FileToMap {
  MappedFile file;
  u8 max_prot = 7;
  bool anonymous = false;  // /dev/zero: memory without a file
  bool mirror = false;     // the guest may write to the file, and its mapping must show that (see mirror_file_changes)
};

class FileSources {
 public:
  /// Files up to this size are copied whole, of larger ones only what is mapped.
  static constexpr u64 copied_whole = u64{256} << 20;

  explicit FileSources(Engine& engine) : engine_(engine) {}

  /// Live only. What a mapping of the guest's descriptor maps; makes or completes the stand-in where one is
  /// needed. Errors are those of mmap, in its order; ENOMEM, after one notice line, if no copy can be made.
  std::expected<FileToMap, i64> describe(int fd, const FileUse& use);
  /// Live only. A file, or shared memory, that the process has mapped since before the engine was there, up to `end`.
  struct Adopted {
    MappedFile file;
    bool stays = false;  // nobody will change it while it is mapped
  };
  Adopted adopt(const std::string& path, u64 dev, u64 ino, u64 end, bool shared);

  /// Live only. Before a mapping of a stand-in shows more of the file (mremap): copies that part. ENOMEM if the
  /// file cannot be read any more.
  i64 extend(const MappedFile& file, u64 offset, u64 size);

  /// Live only. Reads what the file behind the guest's descriptor, which may be write-only, has now.
  i64 read_now(int fd, u64 dev, u64 ino, void* to, u64 size, u64 offset);
  /// Live only. The guest wrote this page of a file that it has mapped privately from a stand-in; its bytes are kept
  /// for the day when its own copy is dropped.
  void keep_written(u64 dev, u64 ino, u64 offset, std::vector<u8> page);
  /// The page kept for this place, or null.
  const std::vector<u8>* written(u64 dev, u64 ino, u64 offset) const;
  /// Pages of private mappings that are copies only because we put the file's new bytes there.
  std::set<GuestAddr>& carried_pages() { return carried_pages_; }

  /// Live only. The file that a stand-in is mapped for has another size now: what is to be mapped instead of it behind
  /// `from`, where they differ. `fd` or, if that is -1, `path` is the file.
  std::expected<MappedFile, i64> resized(const MappedFile& file, int fd, const std::string& path, u64 from);

  /// How long a file is that is mapped shared: where it ends, accesses are SIGBUS, also if another process shortens it.
  struct FileSize {
    u64 dev = 0, ino = 0, size = 0;
  };
  /// Live: those that have another size than is known.
  std::vector<FileSize> size_changes() const;
  /// That is known from now on; a worker's objects get these sizes.
  void set_sizes(const std::vector<FileSize>& sizes);
  /// Live: the size that is known; nothing for a file that is not mapped shared.
  std::optional<u64> known_size(u64 dev, u64 ino) const;
  /// The size now; nothing if it cannot be told.
  std::optional<u64> size_of(u64 dev, u64 ino) const;

  /// The descriptor to map for `file` where the guest's own is not at hand: a worker, or a program being loaded.
  /// The message names the file and what is wrong with it (changed, gone). In live, a `shared` file is the real one.
  Result<UniqueFd> open(const MappedFile& file);

  /// Replaces or adds the process-private object that stands for an inode (GuestMemory::detach_shared).
  void keep_object(u64 dev, u64 ino, UniqueFd fd) { objects_[{dev, ino}] = std::move(fd); }
  /// Live only. A descriptor that reads the file itself which a stand-in is mapped shared for; -1: none.
  int kept_reader(u64 dev, u64 ino) const;
  /// The descriptor of that object, or -1.
  int object(u64 dev, u64 ino) const;
  /// The same, made (`size` bytes of zeros) if there is none. -errno if memory is short.
  i64 object_of_size(u64 dev, u64 ino, u64 size);

 private:
  struct Version {  // one state of one file
    u64 dev, ino;
    i64 mtime_ns, ctime_ns;
    u64 size;
    auto operator<=>(const Version&) const = default;
  };
  struct Part {
    u64 begin, end;
  };
  struct StandIn {
    std::string path;         // relative to the recording's directory
    std::vector<Part> parts;  // what has been copied, in order, not touching
    bool settled = false;     // the file was not written just before: the same times mean the same contents
  };
  /// The stand-in's path for this part of the file, or -errno.
  std::expected<std::string, i64> stand_in(int fd, const Version& version, Part part, bool fresh,
                                           const std::string& shown);
  std::string new_stand_in_path(const Version& version);
  i64 copy_part(StandIn& to, int fd, const Version& version, Part part);
  int reader_of(const std::string& path, u64 dev, u64 ino);
  i64 copy_failed(i64 error, const std::string& shown);
  std::string full_path(const std::string& relative) const;
  Result<UniqueFd> open_object(const MappedFile& file);

  struct Sized {
    UniqueFd fd;  // O_PATH: no locks go when it is closed, and nobody hears of it
    u64 size = 0;
  };
  void follow_size(int fd, const MappedFile& file);

  Engine& engine_;
  std::map<std::pair<u64, u64>, Sized> sized_;  // live: by dev and ino
  std::map<Version, StandIn> stand_ins_;
  std::set<std::pair<u64, u64>> shared_inodes_;      // were mapped with Source::shared: may change at any time
  std::map<std::pair<u64, u64>, UniqueFd> objects_;  // worker: dev, ino → a private memory file
  std::map<std::pair<u64, u64>, UniqueFd> readers_;  // open for good: closing one would end the guest's locks
  std::map<std::pair<u64, u64>, std::map<u64, std::vector<u8>>> written_;  // dev, ino → offset → page
  std::set<GuestAddr> carried_pages_;
  u64 serial_ = 0;
};

}  // namespace fred
