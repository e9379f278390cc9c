// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "onnx_info.hpp"

namespace cv { namespace semcorr {

namespace {

// Walks over the fields of one protobuf message. Anything malformed ends the walk.
class Message
{
public:
    Message(const uchar* begin, const uchar* end_)
        : at(begin), end(end_), content(begin), contentEnd(begin), number(0), integer(0) {}

    // Goes to the next field with this number; false at the end
    bool find(int wanted)
    {
        while (next())
            if (number == wanted)
                return true;
        return false;
    }
    Message message() const { return Message(content, contentEnd); }  // of a length-delimited field, else empty
    int64 value() const { return integer; }                           // of a varint field, else 0

private:
    enum WireType { VARINT = 0, FIXED64 = 1, LENGTH_DELIMITED = 2, FIXED32 = 5 };

    bool varint(uint64& result)
    {
        result = 0;
        for (int shift = 0; at < end && shift < 64; shift += 7)
        {
            const uchar byte = *at++;
            result |= (uint64)(byte & 127) << shift;
            if (byte < 128)
                return true;
        }
        return false;
    }

    bool next()
    {
        uint64 key, length = 0;
        content = contentEnd = at;
        integer = 0;
        if (!varint(key))
            return false;
        number = (int)(key >> 3);
        switch (key & 7)
        {
        case VARINT:
            if (!varint(length))
                return false;
            integer = (int64)length;
            return true;
        case LENGTH_DELIMITED:
            if (!varint(length))
                return false;
            break;
        case FIXED64: length = 8; break;
        case FIXED32: length = 4; break;
        default: return false;
        }
        if (length > (uint64)(end - at))
            return false;
        if ((key & 7) == LENGTH_DELIMITED)
        {
            content = at;
            contentEnd = at + length;
        }
        at += length;
        return true;
    }

    const uchar *at, *end;
    const uchar *content, *contentEnd;  // of the current field
    int number;
    int64 integer;
};

}

Size onnxInputSize(const std::vector<uchar>& onnx)
{
    // field numbers of onnx.proto
    enum { MODEL_GRAPH = 7, GRAPH_INPUT = 11, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1,
           DIM_VALUE = 1 };
    if (onnx.empty())
        return Size();
    Message model(&onnx[0], &onnx[0] + onnx.size());
    if (!model.find(MODEL_GRAPH))
        return Size();
    for (Message graph = model.message(); graph.find(GRAPH_INPUT);)
    {
        Message input = graph.message();
        if (!input.find(VALUE_TYPE))
            continue;
        Message type = input.message();
        if (!type.find(TYPE_TENSOR))
            continue;
        Message tensor = type.message();
        if (!tensor.find(TENSOR_SHAPE))
            continue;
        std::vector<int64> shape;
        for (Message dims = tensor.message(); dims.find(SHAPE_DIM);)
        {
            Message dim = dims.message();
            shape.push_back(dim.find(DIM_VALUE) ? dim.value() : 0);
        }
        if (shape.size() == 4 && shape[2] > 0 && shape[3] > 0 && shape[2] < INT_MAX && shape[3] < INT_MAX)
            return Size((int)shape[3], (int)shape[2]);
    }
    return Size();
}

}}
