// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_PROTOBUF_HPP
#define SEMCORR_TRAIN_PROTOBUF_HPP

#include <cstdint>
#include <string>
#include <vector>

namespace train {

// Just as much of protobuf's wire format as ONNX files need: no schema, fields by number.
class ProtobufWriter
{
public:
    ProtobufWriter& number(int field, uint64_t value);
    ProtobufWriter& bytes(int field, const std::string& value);  // texts and messages, too
    const std::string& message() const { return content; }

private:
    void varint(uint64_t value);
    std::string content;
};

struct ProtobufField
{
    int number;
    bool isBytes;
    uint64_t value;       // if not isBytes
    std::string content;  // if isBytes
};

// The fields of a message in their order; throws cv::Exception for malformed ones. `what` names it.
std::vector<ProtobufField> parseProtobuf(const std::string& message, const char* what);

// The message of these fields
std::string toMessage(const std::vector<ProtobufField>& fields);

}

#endif
