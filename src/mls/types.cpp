#include "mls/types.h"

#include <algorithm>
#include <set>

namespace sotto::mls {

namespace {
template <typename T>
bool contains(const std::vector<T>& list, T value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
}  // namespace

const Bytes* find_extension(const Extensions& extensions, ExtensionType type) {
  for (const auto& extension : extensions) {
    if (extension.type == type) return &extension.data;
  }
  return nullptr;
}

bool has_duplicates(const Extensions& extensions) {
  std::set<ExtensionType> seen;
  return std::any_of(extensions.begin(), extensions.end(),
                     [&](const Extension& extension) { return !seen.insert(extension.type).second; });
}

bool Capabilities::has_extension(ExtensionType type) const {
  return extension_type::is_default(type) || contains(extensions, type);
}
bool Capabilities::has_proposal(ProposalType type) const {
  return proposal_type::is_default(type) || contains(proposals, type);
}
bool Capabilities::has_credential(CredentialType type) const { return contains(credentials, type); }

Capabilities Capabilities::standard(std::vector<ExtensionType> extensions) {
  Capabilities out;
  out.versions = {ProtocolVersion::mls10};
  out.cipher_suites = {ciphersuite};
  out.extensions = std::move(extensions);
  out.credentials = {credential_type::basic};
  return out;
}

void Credential::write(Writer& writer) const {
  writer << type;
  if (type == credential_type::x509) {
    writer << certificates;
  } else {
    writer << identity;
  }
}

void Credential::read(Reader& reader) {
  reader >> type;
  if (type == credential_type::basic) {
    reader >> identity;
  } else if (type == credential_type::x509) {
    reader >> certificates;
  } else {
    reader.fail();
  }
}

Credential Credential::basic(ByteView identity) {
  Credential out;
  out.identity = to_bytes(identity);
  return out;
}

}  // namespace sotto::mls
