#include "mls/proposal.h"

namespace sotto::mls {

void PreSharedKeyId::write(Writer& writer) const {
  writer << type;
  if (type == PskType::external) {
    writer << psk_id;
  } else {
    writer << usage << psk_group_id << psk_epoch;
  }
  writer << psk_nonce;
}

void PreSharedKeyId::read(Reader& reader) {
  reader >> type;
  if (type == PskType::external) {
    reader >> psk_id;
  } else if (type == PskType::resumption) {
    reader >> usage >> psk_group_id >> psk_epoch;
    if (usage < ResumptionPskUsage::application || usage > ResumptionPskUsage::branch) reader.fail();
  } else {
    reader.fail();
  }
  reader >> psk_nonce;
}

void Proposal::write(Writer& writer) const {
  writer << type();
  std::visit([&](const auto& proposal) { writer << proposal; }, content);
}

void Proposal::read(Reader& reader) {
  ProposalType type = 0;
  reader >> type;
  switch (type) {
    case proposal_type::add:
      reader >> content.emplace<Add>();
      break;
    case proposal_type::update:
      reader >> content.emplace<Update>();
      break;
    case proposal_type::remove:
      reader >> content.emplace<Remove>();
      break;
    case proposal_type::psk:
      reader >> content.emplace<PreSharedKey>();
      break;
    case proposal_type::reinit:
      reader >> content.emplace<ReInit>();
      break;
    case proposal_type::external_init:
      reader >> content.emplace<ExternalInit>();
      break;
    case proposal_type::group_context_extensions:
      reader >> content.emplace<GroupContextExtensions>();
      break;
    default:
      reader.fail();
  }
}

void ProposalOrRef::write(Writer& writer) const {
  if (const auto* proposal = std::get_if<Proposal>(&content)) {
    writer << ProposalOrRefType::proposal << *proposal;
  } else {
    writer << ProposalOrRefType::reference << std::get<Bytes>(content);
  }
}

void ProposalOrRef::read(Reader& reader) {
  ProposalOrRefType type{};
  reader >> type;
  if (type == ProposalOrRefType::proposal) {
    reader >> content.emplace<Proposal>();
  } else if (type == ProposalOrRefType::reference) {
    reader >> content.emplace<Bytes>();
  } else {
    reader.fail();
  }
}

}  // namespace sotto::mls
