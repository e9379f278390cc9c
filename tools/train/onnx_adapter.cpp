// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "onnx_adapter.hpp"

#include <algorithm>

#include "onnx_format.hpp"
#include "tensors.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;
using torch::Tensor;

namespace train {

const char* const ADAPTED = "adapted";

static const int64_t HALF_FROM = 20000;  // values; small tensors stay in single precision, which costs little and rounds less
static const float LENGTH_EPS = 1e-6f;   // of cv::semcorr::normalizeFeatures

namespace {

// Collects nodes and initialisers
class GraphWriter
{
public:
    explicit GraphWriter(bool half_) : half(half_) {}

    // Each returns the name of the result
    std::string node(const std::string& type, const std::vector<std::string>& inputs, const std::string& name,
                     const std::string& attributes = std::string())
    {
        ProtobufWriter w;
        for (const std::string& input : inputs)
            w.bytes(NODE_INPUT, input);
        w.bytes(NODE_OUTPUT, name).bytes(NODE_NAME, name).bytes(NODE_TYPE, type);
        fields.push_back(ProtobufField{ GRAPH_NODE, true, 0, w.message() + attributes });
        return name;
    }

    std::string constant(const std::string& name, const Tensor& tensor)
    {
        const Tensor t = tensor.detach().to(torch::kCPU).contiguous();
        ProtobufWriter w;
        for (const int64_t size : t.sizes())
            w.number(TENSOR_DIMS, (uint64_t)size);
        w.number(TENSOR_TYPE, t.scalar_type() == torch::kHalf ? TENSOR_HALF : TENSOR_FLOAT).bytes(TENSOR_NAME, name);
        w.bytes(TENSOR_RAW, std::string(static_cast<const char*>(t.data_ptr()), t.nbytes()));  // little-endian
        fields.push_back(ProtobufField{ GRAPH_INITIALIZER, true, 0, w.message() });
        return name;
    }

    std::string weight(const std::string& name, const Tensor& tensor)
    {
        if (!half || tensor.numel() < HALF_FROM)
            return constant(name, tensor.to(torch::kFloat));
        return node("Cast", { constant(name + "_half", tensor.to(torch::kHalf)) }, name, integer("to", TENSOR_FLOAT));
    }

    std::string convolution(const std::string& x, const AdapterImpl::Convolution& c, const std::string& name)
    {
        const int64_t side = c.weight.size(2), pad = side / 2, group = side > 1 ? c.weight.size(0) : 1;
        return node("Conv", { x, weight(name + "_weight", c.weight), constant(name + "_bias", c.bias.to(torch::kFloat)) }, name,
                    integers("kernel_shape", { side, side }) + integers("pads", { pad, pad, pad, pad }) + integer("group", group));
    }

    std::vector<ProtobufField> fields;  // of a GraphProto

private:
    static std::string integer(const std::string& name, int64_t value)
    {
        ProtobufWriter w;
        w.bytes(ATTRIBUTE_NAME, name).number(ATTRIBUTE_INT, (uint64_t)value).number(ATTRIBUTE_TYPE, TYPE_INT);
        return ProtobufWriter().bytes(NODE_ATTRIBUTE, w.message()).message();
    }

    static std::string integers(const std::string& name, const std::vector<int64_t>& values)
    {
        ProtobufWriter w;
        w.bytes(ATTRIBUTE_NAME, name);
        for (const int64_t value : values)
            w.number(ATTRIBUTE_INTS, (uint64_t)value);
        w.number(ATTRIBUTE_TYPE, TYPE_INTS);
        return ProtobufWriter().bytes(NODE_ATTRIBUTE, w.message()).message();
    }

    const bool half;
};

}

std::vector<std::string> onnxOutputs(const std::vector<uchar>& onnx)
{
    std::vector<std::string> names;
    for (const ProtobufField& f : parseProtobuf(graphOf(onnx), "the net's graph"))
        if (f.number == GRAPH_OUTPUT)
            names.push_back(nameOf(f.content));
    std::sort(names.begin(), names.end());
    return names;
}

// The adapter's input is the cell's direction, x / sqrt(sum of x^2 + eps), centred and scaled in the first convolution.
static AdapterImpl::Convolution withCentring(const AdapterImpl& adapter)
{
    const Tensor weight = (adapter.first.weight.detach().to(torch::kCPU, torch::kDouble) * adapter.gain);
    const Tensor mean = adapter.mean.detach().to(torch::kCPU, torch::kDouble);
    const Tensor bias = adapter.first.bias.detach().to(torch::kCPU, torch::kDouble) - weight.flatten(1).mv(mean);
    return AdapterImpl::Convolution{ weight, bias };
}

static std::string writeAdapter(GraphWriter& graph, const std::string& input, const AdapterImpl& adapter)
{
    const int64_t channels = adapter.mean.numel();
    const AdapterImpl::Convolution add = { torch::ones({ 1, channels, 1, 1 }), torch::full({ 1 }, LENGTH_EPS) };
    const AdapterImpl::Convolution repeat = { torch::ones({ channels, 1, 1, 1 }), torch::zeros({ channels }) };
    const std::string squares = graph.node("Mul", { input, input }, "adapter_squares");
    const std::string length = graph.node("Sqrt", { graph.convolution(squares, add, "adapter_sum") }, "adapter_length");
    // for each channel, since cv::dnn of OpenCV 5.0 divides wrongly by one channel
    const std::string unit = graph.node("Div", { input, graph.convolution(length, repeat, "adapter_lengths") }, "adapter_input");
    const bool plain = adapter.blocks.empty();
    std::string y = graph.convolution(unit, withCentring(adapter), plain ? ADAPTED : "adapter_first");
    for (size_t i = 0; i < adapter.blocks.size(); i++)
    {
        const AdapterImpl::Block& block = adapter.blocks[i];
        const std::string name = "adapter_block" + std::to_string(i), sum = i + 1 == adapter.blocks.size() ? ADAPTED : name;
        const std::string wide = graph.node("Relu", { graph.convolution(y, block.widen, name + "_widen") }, name + "_widen_relu");
        const std::string context = graph.convolution(wide, block.context, name + "_context");
        const std::string mixed = graph.node("Relu", { context }, name + "_context_relu");
        y = graph.node("Add", { y, graph.convolution(mixed, block.narrow, name + "_narrow") }, sum);
    }
    return y;
}

// The net with a second graph behind its bytes, which protobuf merges with the first
static std::vector<uchar> append(const std::vector<uchar>& onnx, GraphWriter& graph, const std::string& output, int64_t channels)
{
    graph.fields.push_back(ProtobufField{ GRAPH_OUTPUT, true, 0, describeTensor(output, channels) });
    const std::string suffix = ProtobufWriter().bytes(MODEL_GRAPH, toMessage(graph.fields)).message();
    std::vector<uchar> bytes = onnx;
    bytes.insert(bytes.end(), suffix.begin(), suffix.end());
    return bytes;
}

std::vector<uchar> appendAdapter(const std::vector<uchar>& onnx, const std::string& output, const AdapterImpl& adapter, bool half)
{
    const std::vector<std::string> outputs = onnxOutputs(onnx);
    if (std::find(outputs.begin(), outputs.end(), output) == outputs.end())
        CV_Error(cv::Error::StsBadArg, "the backbone has no output \"" + printable(output) + "\"");
    if (std::find(outputs.begin(), outputs.end(), ADAPTED) != outputs.end())
        CV_Error(cv::Error::StsBadArg, cv::format("the backbone has an output \"%s\" already, expected one without an adapter",
                                                  ADAPTED));
    GraphWriter graph(half);
    const std::string name = writeAdapter(graph, output, adapter);
    return append(onnx, graph, name, adapter.first.weight.size(0));
}

std::vector<uchar> appendOnes(const std::vector<uchar>& onnx, const std::string& tensor, int64_t channels)
{
    const Tensor last = torch::zeros({ channels + 1 }).index_fill_(0, torch::tensor(channels), 1);
    GraphWriter graph(false);
    const std::string name = graph.convolution(tensor, { torch::eye(channels + 1, channels).view({ -1, channels, 1, 1 }), last },
                                               "with_ones");
    return append(onnx, graph, name, channels + 1);
}

}
