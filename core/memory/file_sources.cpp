#include "core/memory/file_sources.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/descriptor.h"
#include "core/base/log.h"
#include "core/base/outside.h"
#include "core/base/raw_syscall.h"
#include "core/memory/file_copy.h"
#include "core/memory/guest_memory.h"

namespace fred {

namespace {

i64 nanoseconds(const struct timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; }

/// Files written less than this before we copy them may change again without their times telling.
constexpr i64 settling_ns = 100'000'000;

std::string descriptor_path(int fd) {
  char text[4096];
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const i64 n = raw_syscall(SYS_readlink, arg(link.c_str()), arg(text), sizeof text);
  return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

bool system_path(const std::string& path) {
  static constexpr const char* folders[] = {"/usr/", "/lib/",  "/lib64/", "/lib32/",
                                            "/bin/", "/sbin/", "/etc/",   "/opt/"};
  return std::any_of(std::begin(folders), std::end(folders), [&](const char* f) { return path.starts_with(f); });
}

/// True if the file will stay as it is while this user's programs run. For root, who can change everything,
/// what lies in the system's folders does.
bool stays(const struct stat& st, const struct statfs& fs, const std::string& path, int access_mode) {
  if (fs.f_flags & ST_RDONLY && st.st_nlink > 0) return true;
  if (st.st_uid != 0 || st.st_mode & (S_IWGRP | S_IWOTH) || st.st_nlink == 0 || access_mode != O_RDONLY) return false;
  if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC || fs.f_type == PROC_SUPER_MAGIC) return false;
  return raw_syscall(SYS_geteuid) != 0 || system_path(path);
}

}  // namespace

std::string FileSources::full_path(const std::string& relative) const {
  return engine_.recording_dir() + "/" + relative;
}

int FileSources::object(u64 dev, u64 ino) const {
  const auto it = objects_.find({dev, ino});
  return it == objects_.end() ? -1 : it->second.get();
}

int FileSources::kept_reader(u64 dev, u64 ino) const {
  const auto known = readers_.find({dev, ino});
  return known == readers_.end() ? -1 : known->second.get();
}

i64 FileSources::object_of_size(u64 dev, u64 ino, u64 size) {
  if (const int known = object(dev, ino); known >= 0) return known;
  const i64 made = raw_syscall(SYS_memfd_create, arg("fred"), MFD_CLOEXEC);
  if (made < 0) return made;
  raw_syscall(SYS_ftruncate, static_cast<u64>(made), size);
  keep_object(dev, ino, UniqueFd{made});
  return made;
}

std::expected<FileToMap, i64> FileSources::describe(int fd, const FileUse& use) {
  struct stat st {};
  if (const i64 r = raw_syscall(SYS_fstat, arg(fd), arg(&st)); r < 0) return std::unexpected(r);
  const i64 status = raw_syscall(SYS_fcntl, arg(fd), F_GETFL);
  if (status < 0) return std::unexpected(status);
  if (status & O_PATH) return std::unexpected(-EBADF);
  const int access_mode = static_cast<int>(status) & O_ACCMODE;
  if (use.shared && use.prot & PROT_WRITE && access_mode != O_RDWR) return std::unexpected(-EACCES);
  if (access_mode == O_WRONLY) return std::unexpected(-EACCES);
  struct statfs fs {};
  raw_syscall(SYS_fstatfs, arg(fd), arg(&fs));
  FileToMap found;
  if (fs.f_flags & ST_NOEXEC) {
    if (use.prot & PROT_EXEC) return std::unexpected(-EPERM);
    found.max_prot &= ~PROT_EXEC;
  }
  if (use.shared && access_mode == O_RDONLY) found.max_prot &= ~PROT_WRITE;

  MappedFile& file = found.file;
  file.path = descriptor_path(fd);
  file.dev = st.st_dev;
  file.ino = st.st_ino;
  file.size = static_cast<u64>(st.st_size);
  file.mtime_ns = nanoseconds(st.st_mtim);
  if (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 5)) {
    found.anonymous = true;
    return found;
  }
  if (engine_.mode() == Mode::run) {
    found.mirror = use.prot & PROT_EXEC && access_mode != O_RDONLY;  // translated code must go when the file changes
    return found;
  }
  if (!S_ISREG(st.st_mode)) {
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
      engine_.notice_once(st.st_rdev ^ 0x6d6d6170,
                          "mapping of the device " + file.path + " cannot be recorded: the program gets ENODEV");
    return std::unexpected(-ENODEV);
  }
  const bool shared_already = shared_inodes_.contains({file.dev, file.ino});
  if (!use.shared || (access_mode == O_RDONLY && !shared_already)) {
    if (stays(st, fs, file.path, access_mode) && is_file_outside(file.path, file.dev, file.ino)) {
      file.source = Source::direct;
      file.source_path = file.path;
      return found;
    }
    file.source = Source::stand_in;
    const auto& mapped = engine_.memory().table().all();
    if (std::ranges::none_of(mapped, [&](const auto& m) { return m.second.file && m.second.file->same_inode(file); }))
      written_.erase({file.dev, file.ino});  // what was written since is known to nobody
    // What others write there while it is mapped can be had only from the file itself (make_foreign).
    if (use.shared) reader_of("/proc/self/fd/" + std::to_string(fd), file.dev, file.ino);
  } else {
    file.source = Source::shared;
    shared_inodes_.insert({file.dev, file.ino});
    follow_size(fd, file);
  }
  found.mirror = use.shared || access_mode != O_RDONLY;
  const Version version{st.st_dev, st.st_ino, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim), file.size};
  const bool fresh = file.source == Source::shared || shared_already;
  auto path = stand_in(fd, version, {use.offset, use.offset + use.size}, fresh, file.path);
  if (!path) return std::unexpected(path.error());
  file.source_path = std::move(*path);
  return found;
}

FileSources::Adopted FileSources::adopt(const std::string& path, u64 dev, u64 ino, u64 end, bool shared) {
  Adopted found{.file = {.path = path, .dev = dev, .ino = ino, .source = Source::direct, .source_path = path}};
  found.file.size = end;
  struct stat st {};
  const UniqueFd fd{raw_syscall(SYS_open, arg(path.c_str()), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  const bool there = fd && raw_syscall(SYS_fstat, arg(fd.get()), arg(&st)) == 0 && S_ISREG(st.st_mode) &&
                     st.st_dev == dev && st.st_ino == ino;
  if (there) {
    found.file.size = static_cast<u64>(st.st_size);
    found.file.mtime_ns = nanoseconds(st.st_mtim);
    struct statfs fs {};
    raw_syscall(SYS_fstatfs, arg(fd.get()), arg(&fs));
    found.stays = stays(st, fs, path, O_RDONLY);
  }
  if (shared) {  // of a file, or of memory alone
    found.file.source = there ? Source::shared : Source::guest_file;
    shared_inodes_.insert({dev, ino});
  }
  return found;
}

i64 FileSources::copy_failed(i64 error, const std::string& shown) {
  engine_.notice_once(0x636f7079, "cannot keep a copy of the mapped file " + shown + " in " + engine_.recording_dir() +
                                      " (" + strerror(static_cast<int>(-error)) + "): the mapping fails with ENOMEM");
  return -ENOMEM;
}

std::string FileSources::new_stand_in_path(const Version& version) {
  return fmt::format("files/{:x}-{:x}-{:x}-{:x}-{:x}", version.dev, version.ino, version.mtime_ns,
                     engine_.process_number(), serial_++);
}

std::expected<MappedFile, i64> FileSources::resized(const MappedFile& file, int fd, const std::string& path, u64 from) {
  const int reader = reader_of(fd < 0 ? path : "/proc/self/fd/" + std::to_string(fd), file.dev, file.ino);
  struct stat st {};
  if (const i64 r = raw_syscall(SYS_fstat, arg(reader), arg(&st)); r < 0)
    return std::unexpected(copy_failed(r, file.path));
  const Version version{st.st_dev, st.st_ino, nanoseconds(st.st_mtim), nanoseconds(st.st_ctim),
                        static_cast<u64>(st.st_size)};
  StandIn made;
  made.path = new_stand_in_path(version);
  const u64 begin = std::min(page_floor(from), version.size);
  if (const i64 r = copy_part(made, reader, version, {begin, version.size}); r < 0) {
    unlink_outside(full_path(made.path));
    return std::unexpected(copy_failed(r, file.path));
  }
  MappedFile now = file;
  now.source_path = made.path;
  now.size = version.size;
  auto& written = written_[{file.dev, file.ino}];
  written.erase(written.lower_bound(page_ceil(version.size)), written.end());
  stand_ins_.insert_or_assign(version, std::move(made));
  return now;
}

std::expected<std::string, i64> FileSources::stand_in(int fd, const Version& version, Part part, bool fresh,
                                                      const std::string& shown) {
  auto known = stand_ins_.find(version);
  if (known == stand_ins_.end() || fresh || !known->second.settled) {
    StandIn made;
    made.path = new_stand_in_path(version);
    struct timespec now {};
    clock_gettime(CLOCK_REALTIME, &now);
    made.settled = nanoseconds(now) - std::max(version.mtime_ns, version.ctime_ns) > settling_ns;
    known = stand_ins_.insert_or_assign(version, std::move(made)).first;
  }
  if (version.size <= copied_whole) part = {0, version.size};
  part.end = std::min(page_ceil(part.end), version.size);
  StandIn& to = known->second;
  const i64 done = copy_part(to, fd, version, part);
  if (done == 0) return to.path;
  unlink_outside(full_path(to.path));
  stand_ins_.erase(known);
  return std::unexpected(copy_failed(done, shown));
}

i64 FileSources::copy_part(StandIn& to, int fd, const Version& version, Part part) {
  const bool first = to.parts.empty();
  for (const Part& have : to.parts)
    if (have.begin <= part.begin && part.end <= have.end) return 0;
  if (first) make_folder_outside(full_path("files"), 0700);
  const std::string path = full_path(to.path);
  const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (first ? O_CREAT | O_EXCL : 0);
  const i64 opened = open_outside(path, flags, 0600);
  if (opened < 0) return opened;
  const UniqueFd out{opened};
  if (first) {
    if (clone_file(out.get(), fd)) {
      to.parts = {{0, version.size}};
      return 0;
    }
    if (const i64 r = raw_syscall(SYS_ftruncate, arg(out.get()), version.size); r < 0) return r;
  }
  LOG_INFO(memory, "copying {:#x}-{:#x} of a mapped file to {}", part.begin, part.end, to.path);
  // What is mapped from an earlier copy is not written again: it may differ by now in what it need not.
  std::vector<Part> missing{part};
  for (const Part& have : to.parts) {
    std::vector<Part> left;
    for (const Part& m : missing) {
      if (m.begin < have.begin) left.push_back({m.begin, std::min(m.end, have.begin)});
      if (m.end > have.end) left.push_back({std::max(m.begin, have.end), m.end});
    }
    missing = std::move(left);
  }
  for (const Part& m : missing) {
    if (const i64 r = copy_range(out.get(), fd, m.begin, m.end); r < 0) return r;
    to.parts.push_back(m);
  }
  if (part.begin >= part.end) to.parts.push_back(part);
  return 0;
}

i64 FileSources::extend(const MappedFile& file, u64 offset, u64 size) {
  if (file.size <= copied_whole) return 0;
  const auto known = std::find_if(stand_ins_.begin(), stand_ins_.end(),
                                  [&](const auto& entry) { return entry.second.path == file.source_path; });
  if (known == stand_ins_.end()) return copy_failed(-ESTALE, file.path);
  const Version& version = known->first;
  const Part part{offset, std::min(page_ceil(offset + size), version.size)};
  for (const Part& have : known->second.parts)
    if (have.begin <= part.begin && part.end <= have.end) return 0;
  if (part.begin >= part.end) return 0;
  const int fd = reader_of(file.path, version.dev, version.ino);
  struct stat st {};
  const bool same = fd >= 0 && raw_syscall(SYS_fstat, arg(fd), arg(&st)) == 0 && st.st_dev == version.dev &&
                    st.st_ino == version.ino && nanoseconds(st.st_mtim) == version.mtime_ns;
  if (!same) return copy_failed(-ESTALE, file.path);
  const i64 done = copy_part(known->second, fd, version, part);
  return done == 0 ? 0 : copy_failed(done, file.path);
}

int FileSources::reader_of(const std::string& path, u64 dev, u64 ino) {
  const auto known = readers_.find({dev, ino});
  if (known != readers_.end()) return known->second.get();
  const i64 fd = raw_syscall(SYS_open, arg(path.c_str()), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return -1;
  const i64 high = raise_descriptor(fd);
  return readers_.emplace(std::pair{dev, ino}, UniqueFd{high < 0 ? fd : high}).first->second.get();
}

i64 FileSources::read_now(int fd, u64 dev, u64 ino, void* to, u64 size, u64 offset) {
  const i64 status = raw_syscall(SYS_fcntl, arg(fd), F_GETFL);
  if (status < 0 || (status & O_ACCMODE) == O_WRONLY) fd = reader_of("/proc/self/fd/" + std::to_string(fd), dev, ino);
  u64 done = 0;
  while (done < size) {
    const i64 n = raw_syscall(SYS_pread64, arg(fd), arg(static_cast<u8*>(to) + done), size - done, offset + done);
    if (n == -EINTR) continue;
    if (n < 0) return n;
    if (n == 0) break;
    done += static_cast<u64>(n);
  }
  return static_cast<i64>(done);
}

void FileSources::keep_written(u64 dev, u64 ino, u64 offset, std::vector<u8> page) {
  written_[{dev, ino}][offset] = std::move(page);
}

const std::vector<u8>* FileSources::written(u64 dev, u64 ino, u64 offset) const {
  const auto file = written_.find({dev, ino});
  if (file == written_.end()) return nullptr;
  const auto page = file->second.find(offset);
  return page == file->second.end() ? nullptr : &page->second;
}

void FileSources::follow_size(int fd, const MappedFile& file) {
  // Each takes a descriptor of the engine's, which has not many (descriptor.h): children need some, too.
  constexpr std::size_t most_followed = 24;
  if (sized_.size() >= most_followed) {
    std::erase_if(sized_, [&](const auto& entry) {
      const auto& all = engine_.memory().table().all();
      return std::ranges::none_of(all, [&](const auto& m) {
        const auto& mapped = m.second.file;
        return mapped && mapped->dev == entry.first.first && mapped->ino == entry.first.second;
      });
    });
    if (sized_.size() >= most_followed && !sized_.contains({file.dev, file.ino})) return;
  }
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  const i64 opened = raw_syscall(SYS_open, arg(path.c_str()), O_PATH | O_CLOEXEC);
  if (is_error(opened)) return;
  const i64 high = raise_descriptor(opened);
  sized_.insert_or_assign(std::pair{file.dev, file.ino}, Sized{UniqueFd{high < 0 ? opened : high}, file.size});
}

std::optional<u64> FileSources::size_of(u64 dev, u64 ino) const {
  const auto known = sized_.find({dev, ino});
  int fd = object(dev, ino);  // of a snapshot as well, whose file has gone on since
  if (fd < 0 && known != sized_.end()) fd = known->second.fd.get();
  struct stat st {};
  if (fd < 0 || is_error(raw_syscall(SYS_fstat, arg(fd), arg(&st)))) return std::nullopt;
  return static_cast<u64>(st.st_size);
}

std::optional<u64> FileSources::known_size(u64 dev, u64 ino) const {
  const auto known = sized_.find({dev, ino});
  if (known == sized_.end()) return std::nullopt;
  return known->second.size;
}

std::vector<FileSources::FileSize> FileSources::size_changes() const {
  std::vector<FileSize> changes;
  for (const auto& [file, known] : sized_) {
    const auto now = size_of(file.first, file.second);
    if (now && *now != known.size) changes.push_back({file.first, file.second, *now});
  }
  return changes;
}

void FileSources::set_sizes(const std::vector<FileSize>& sizes) {
  for (const auto& s : sizes) {
    if (engine_.mode() == Mode::record) {
      if (const auto known = sized_.find({s.dev, s.ino}); known != sized_.end()) known->second.size = s.size;
      // Giving it the size that it has makes zeros of what lies behind its end.
    } else if (const int fd = object(s.dev, s.ino); fd >= 0 && size_of(s.dev, s.ino) != s.size) {
      raw_syscall(SYS_ftruncate, arg(fd), s.size);
    }
  }
}

Result<UniqueFd> FileSources::open_object(const MappedFile& file) {
  const auto duplicate = [&](int fd) { return UniqueFd{raw_syscall(SYS_fcntl, arg(fd), F_DUPFD_CLOEXEC, 0)}; };
  const i64 made = object_of_size(file.dev, file.ino, file.size);
  if (made < 0) return fail_errno(static_cast<int>(-made), "memory for the shared file " + file.path);
  const int object_fd = static_cast<int>(made);
  struct stat st {};
  raw_syscall(SYS_fstat, arg(object_fd), arg(&st));
  if (static_cast<u64>(st.st_size) != file.size) raw_syscall(SYS_ftruncate, arg(object_fd), file.size);
  const std::string path = full_path(file.source_path);
  const i64 from = open_outside(path, O_RDONLY | O_CLOEXEC);
  if (from < 0) return fail_errno(static_cast<int>(-from), "the recording's copy of " + file.path);
  const UniqueFd closing{from};
  // Zeros are not copied, and what was mapped before may be something else. (Of a larger file, what is not in the copy
  // is not known to be zeros.)
  if (file.size > 0 && file.size <= copied_whole)
    raw_syscall(SYS_fallocate, arg(object_fd), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, file.size);
  if (const i64 r = copy_range(object_fd, static_cast<int>(from), 0, file.size); r < 0)
    return fail_errno(static_cast<int>(-r), "memory for the shared file " + file.path);
  return duplicate(object_fd);
}

Result<UniqueFd> FileSources::open(const MappedFile& file) {
  if (file.source == Source::shared && engine_.mode() == Mode::replay) return open_object(file);
  const bool kept = file.source == Source::stand_in;
  const std::string path = kept ? full_path(file.source_path) : file.path;
  const int flags = file.source == Source::shared ? O_RDWR : O_RDONLY;
  // A file of the guest's that is not the recording's is here only in live.
  const i64 opened = file.source == Source::shared || file.source == Source::guest_file
                         ? raw_syscall(SYS_open, arg(path.c_str()), static_cast<u64>(flags | O_CLOEXEC))
                         : open_outside(path, flags | O_CLOEXEC);
  if (opened < 0) return fail_errno(static_cast<int>(-opened), kept ? "the recording's copy of " + file.path : path);
  UniqueFd fd{opened};
  if (file.source == Source::direct) {
    struct stat st {};
    raw_syscall(SYS_fstat, arg(fd.get()), arg(&st));
    if (static_cast<u64>(st.st_size) != file.size || nanoseconds(st.st_mtim) != file.mtime_ns)
      return std::unexpected(Error{ESTALE, file.path + " has changed since it was recorded"});
  }
  return fd;
}

}  // namespace fred
