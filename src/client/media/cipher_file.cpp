#include "client/media/cipher_file.h"

#include <algorithm>

#include "base/try.h"
#include "mls/padme.h"

namespace sotto::client {

namespace {

constexpr std::uint64_t chunk_bytes = 64 * 1024;

/// A stream has a last chunk, and a chunk has bytes.
std::uint64_t padded_size(std::uint64_t size) { return std::max<std::uint64_t>(1, mls::padme(size)); }

}  // namespace

std::uint64_t cipher_size(std::uint64_t size) {
  const auto padded = padded_size(size);
  const auto chunks = (padded + chunk_bytes - 1) / chunk_bytes;
  return crypto::StreamHeader::size_bytes + padded + chunks * crypto::stream_overhead;
}

Error file_damage(ErrorCode code) {
  if (code == ErrorCode::NOT_FOUND) return {code, "its encrypted file is gone from the client's folder"};
  return {ErrorCode::CORRUPT, "its encrypted file in the client's folder is damaged"};
}

Result<store::File> open_ciphertext(const std::string& path, std::uint64_t size, const std::string& vfs) {
  auto file = store::File::open(path, store::File::Mode::read, vfs);
  if (!file.ok()) return file.code() == ErrorCode::NOT_FOUND ? file_damage(ErrorCode::NOT_FOUND) : file.error();
  SOTTO_TRY_ASSIGN(const auto there, file->size());
  if (there < cipher_size(size)) return file_damage(ErrorCode::CORRUPT);
  return file;
}

Bytes attachment_token(ByteView key) {
  const auto token = crypto::hkdf_expand(key, as_bytes("sotto attachment token"), 32);
  return to_bytes(token.view());
}

FileSealer::FileSealer(Source source, std::uint64_t size, store::File to, Random& random)
    : source_(std::move(source)), size_(size), padded_(padded_size(size)), to_(std::move(to)) {
  random.fill(key_.mutable_view());
  sealer_.emplace(key_, random);
}

/// Not what the app handed over, but for what has the same size.
Status FileSealer::check_source() {
  auto* file = std::get_if<store::File>(&source_);
  if (file == nullptr) return {};
  SOTTO_TRY_ASSIGN(const auto size, file->size());
  if (size != size_) return Error(ErrorCode::INVALID_ARGUMENT, "its file has changed since it was attached");
  return {};
}

Result<Bytes> FileSealer::next_chunk() {
  if (read_ == 0 || read_ + chunk_bytes >= padded_) SOTTO_TRY(check_source());
  Bytes out(static_cast<std::size_t>(std::min(chunk_bytes, padded_ - read_)));
  if (read_ < size_) {
    const auto real = static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - read_));
    if (auto* file = std::get_if<store::File>(&source_)) {
      SOTTO_TRY(file->read(read_, std::span(out).first(real)));
    } else {
      const auto& bytes = std::get<Bytes>(source_);
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(read_), real, out.begin());
    }
  }
  read_ += out.size();
  return out;
}

Status FileSealer::write(ByteView bytes) {
  SOTTO_TRY(to_.write(written_, bytes));
  hash_.update(bytes);
  written_ += bytes.size();
  return {};
}

Result<bool> FileSealer::work(std::uint64_t bytes) {
  if (written_ == 0) SOTTO_TRY(write(sealer_->header().view()));
  for (const auto end = read_ + bytes; read_ < padded_ && read_ < end;) {
    auto next = next_chunk();
    source_failed_ = !next.ok();
    SOTTO_TRY_ASSIGN(const auto chunk, std::move(next));
    SOTTO_TRY(write(read_ == padded_ ? sealer_->seal_last(chunk) : sealer_->seal(chunk)));
  }
  if (read_ < padded_) return false;
  SOTTO_TRY(to_.sync());
  return true;
}

Result<Bytes> FileOpener::read() {
  auto chunk = read_chunk();
  if (chunk.code() == ErrorCode::CORRUPT) return file_damage(ErrorCode::CORRUPT);
  if (chunk.code() != ErrorCode::DECRYPTION_FAILED) return chunk;
  SOTTO_TRY_ASSIGN(const bool intact, is_as_announced());
  return intact ? chunk.error() : file_damage(ErrorCode::CORRUPT);
}

Result<bool> FileOpener::is_as_announced() {
  crypto::Sha256 hash;
  Bytes part(static_cast<std::size_t>(chunk_bytes));
  const auto total = cipher_size(size_);
  for (std::uint64_t done = 0; done < total; done += part.size()) {
    part.resize(static_cast<std::size_t>(std::min(chunk_bytes, total - done)));
    const auto read = from_.read(done, part);
    if (!read.ok() && read.error().code == ErrorCode::CORRUPT) return false;
    SOTTO_TRY(read);
    hash.update(part);
  }
  return hash.digest() == hash_;
}

Result<Bytes> FileOpener::read_chunk() {
  if (!opener_) {
    crypto::StreamHeader header;
    SOTTO_TRY(from_.read(0, header.bytes));
    opener_.emplace(key_, header);
    offset_ = header.bytes.size();
  }
  const auto padded = padded_size(size_);
  if (opened_ == padded) return Bytes();
  Bytes chunk(static_cast<std::size_t>(std::min(chunk_bytes, padded - opened_)) + crypto::stream_overhead);
  SOTTO_TRY(from_.read(offset_, chunk));
  SOTTO_TRY_ASSIGN(auto opened, opener_->open(chunk));
  const auto before = opened_;
  offset_ += chunk.size();
  opened_ += opened.plaintext.size();
  if (opened.last != (opened_ == padded)) return ErrorCode::DECRYPTION_FAILED;
  // Filling is not given out. It is less than a chunk or not: then all chunks that are left are filling.
  if (opened_ > size_) {
    opened.plaintext.resize(static_cast<std::size_t>(size_ > before ? size_ - before : 0));
    if (opened.plaintext.empty() && opened_ < padded) return read_chunk();
  }
  return std::move(opened.plaintext);
}

}  // namespace sotto::client
