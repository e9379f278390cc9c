// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "protobuf.hpp"

#include "opencv2/core.hpp"

namespace train {

enum WireType { VARINT = 0, FIXED64 = 1, LENGTH_DELIMITED = 2, FIXED32 = 5 };

void ProtobufWriter::varint(uint64_t value)
{
    for (; value > 127; value >>= 7)
        content += (char)(128 | (value & 127));
    content += (char)value;
}

ProtobufWriter& ProtobufWriter::number(int field, uint64_t value)
{
    varint((uint64_t)field << 3 | VARINT);
    varint(value);
    return *this;
}

ProtobufWriter& ProtobufWriter::bytes(int field, const std::string& value)
{
    varint((uint64_t)field << 3 | LENGTH_DELIMITED);
    varint(value.size());
    content += value;
    return *this;
}

namespace {

class Reader
{
public:
    Reader(const std::string& message_, const char* what_) : message(message_), what(what_), at(0) {}

    bool atEnd() const { return at == message.size(); }

    ProtobufField field()
    {
        const uint64_t key = varint();
        ProtobufField f = { (int)(key >> 3), false, 0, std::string() };
        switch (key & 7)
        {
        case VARINT: f.value = varint(); break;
        case LENGTH_DELIMITED:
            f.isBytes = true;
            f.content = take(varint());
            break;
        default: fail();  // ONNX has floats of 4 bytes in places that nothing here needs
        }
        return f;
    }

private:
    [[noreturn]] void fail() const
    {
        CV_Error(cv::Error::StsParseError, cv::format("%s is damaged at byte %lld, expected an ONNX net", what, (long long)at));
    }

    std::string take(uint64_t length)
    {
        if (length > message.size() - at)
            fail();
        at += (size_t)length;
        return message.substr(at - (size_t)length, (size_t)length);
    }

    uint64_t varint()
    {
        uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            const uint64_t byte = (unsigned char)take(1)[0];
            value |= (byte & 127) << shift;
            if (byte < 128)
                return value;
        }
        fail();
    }

    const std::string& message;
    const char* const what;
    size_t at;
};

}

std::vector<ProtobufField> parseProtobuf(const std::string& message, const char* what)
{
    std::vector<ProtobufField> fields;
    for (Reader reader(message, what); !reader.atEnd();)
        fields.push_back(reader.field());
    return fields;
}

std::string toMessage(const std::vector<ProtobufField>& fields)
{
    ProtobufWriter writer;
    for (const ProtobufField& f : fields)
        f.isBytes ? writer.bytes(f.number, f.content) : writer.number(f.number, f.value);
    return writer.message();
}

}
