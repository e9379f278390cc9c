// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "onnx_format.hpp"

namespace train {

std::string graphOf(const std::vector<uchar>& onnx)
{
    std::string graph;
    for (const ProtobufField& f : parseProtobuf(std::string(onnx.begin(), onnx.end()), "the backbone"))
        if (f.number == MODEL_GRAPH && f.isBytes)
            graph += f.content;
    if (graph.empty())
        CV_Error(cv::Error::StsParseError, "the backbone has no graph, expected an ONNX net");
    return graph;
}

std::string nameOf(const std::string& valueInfo)
{
    for (const ProtobufField& f : parseProtobuf(valueInfo, "an input or output of the net"))
        if (f.number == VALUE_NAME)
            return f.content;
    return std::string();
}

std::string describeTensor(const std::string& name, int64_t channels)
{
    ProtobufWriter shape, tensor, type, value;
    for (const int64_t size : { (int64_t)1, channels })
        shape.bytes(SHAPE_DIM, ProtobufWriter().number(DIM_VALUE, (uint64_t)size).message());
    for (const char* size : { "height", "width" })
        shape.bytes(SHAPE_DIM, ProtobufWriter().bytes(DIM_NAME, size).message());
    tensor.number(TENSOR_ELEMENT, TENSOR_FLOAT).bytes(TENSOR_SHAPE, shape.message());
    type.bytes(TYPE_TENSOR, tensor.message());
    return value.bytes(VALUE_NAME, name).bytes(VALUE_TYPE, type.message()).message();
}

}
