// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test.hpp"

#include "feature_cache.hpp"
#include "file_io.hpp"
#include "model.hpp"
#include "onnx_cut.hpp"
#include "onnx_format.hpp"
#include "opencv2/semcorr/matcher.hpp"
#include "tensors.hpp"

using namespace train;
using torch::Tensor;

namespace {

// Writes an ONNX net with random weights
class NetWriter
{
public:
    explicit NetWriter(int seed) : rng(seed) { graph.bytes(GRAPH_INPUT, describeTensor("data", 3)); }

    std::string node(const std::string& type, const std::vector<std::string>& inputs, const std::string& name,
                     const std::map<std::string, std::vector<int> >& attributes = {})
    {
        ProtobufWriter w;
        for (const std::string& input : inputs)
            w.bytes(NODE_INPUT, input);
        w.bytes(NODE_OUTPUT, name).bytes(NODE_TYPE, type);
        for (const auto& attribute : attributes)
        {
            ProtobufWriter a;
            a.bytes(ATTRIBUTE_NAME, attribute.first).number(ATTRIBUTE_TYPE, TYPE_INTS);
            for (const int value : attribute.second)
                a.number(ATTRIBUTE_INTS, (uint64_t)value);
            w.bytes(NODE_ATTRIBUTE, a.message());
        }
        graph.bytes(GRAPH_NODE, w.message());
        return name;
    }

    std::string convolution(const std::string& input, const std::string& name, int in, int out, int side, int stride = 1)
    {
        constant(name + "_weight", { out, in, side, side }, std::sqrt(2. / (in * side * side)));
        constant(name + "_bias", { out }, 0.1);
        const int pad = side / 2;
        return node("Conv", { input, name + "_weight", name + "_bias" }, name,
                    { { "kernel_shape", { side, side } }, { "strides", { stride, stride } }, { "pads", { pad, pad, pad, pad } } });
    }

    std::string output(const std::string& name, int channels)
    {
        graph.bytes(GRAPH_OUTPUT, describeTensor(name, channels));
        return name;
    }

    std::vector<uchar> onnx() const
    {
        const std::string set = ProtobufWriter().number(2, 11).message();  // the version of the operations
        const std::string bytes = ProtobufWriter().number(1, 6).bytes(8, set).bytes(MODEL_GRAPH, graph.message()).message();
        return std::vector<uchar>(bytes.begin(), bytes.end());
    }

    std::string file() const
    {
        const std::string name = temporaryFolder() + "/net.onnx";
        const std::vector<uchar> bytes = onnx();
        cv::semcorr::saveBytes(name, std::string(bytes.begin(), bytes.end()));
        return name;
    }

private:
    void constant(const std::string& name, const std::vector<int>& shape, double deviation)
    {
        ProtobufWriter w;
        size_t count = 1;
        for (const int size : shape)
        {
            w.number(TENSOR_DIMS, (uint64_t)size);
            count *= (size_t)size;
        }
        std::vector<float> values(count);
        for (float& value : values)
            value = (float)rng.gaussian(deviation);
        const std::string bytes(reinterpret_cast<const char*>(values.data()), count * sizeof(float));
        w.number(TENSOR_TYPE, TENSOR_FLOAT).bytes(TENSOR_NAME, name).bytes(TENSOR_RAW, bytes);
        graph.bytes(GRAPH_INITIALIZER, w.message());
    }

    cv::RNG rng;
    ProtobufWriter graph;
};

}

// The form of ResNets: a stem with pooling, then blocks under shortcuts, of which some halve the side; outputs "first" and "last"
static NetWriter smallResNet()
{
    NetWriter net(1);
    const std::string stem = net.node("Relu", { net.convolution("data", "stem", 3, 8, 7, 2) }, "stem_relu");
    const std::string pooled = net.node("MaxPool", { stem }, "pool",
                                        { { "kernel_shape", { 3, 3 } }, { "strides", { 2, 2 } }, { "pads", { 1, 1, 1, 1 } } });
    // two convolutions
    const std::string a = net.node("Relu", { net.convolution(pooled, "a1", 8, 8, 3) }, "a1_relu");
    const std::string b = net.node("Add", { net.convolution(a, "a2", 8, 8, 3), pooled }, "a_sum");
    const std::string first = net.output(net.node("Relu", { b }, "first"), 8);
    // narrow, wide, narrow, with stride and a convolution as shortcut
    const std::string c = net.node("Relu", { net.convolution(first, "b1", 8, 4, 1) }, "b1_relu");
    const std::string d = net.node("Relu", { net.convolution(c, "b2", 4, 4, 3, 2) }, "b2_relu");
    const std::string e = net.convolution(d, "b3", 4, 16, 1);
    const std::string sum = net.node("Add", { e, net.convolution(first, "b4", 8, 16, 1, 2) }, "b_sum");
    const std::string f = net.node("Relu", { sum }, "b_relu");
    net.output(net.node("Relu", { net.node("Add", { net.convolution(f, "c1", 16, 16, 3), f }, "c_sum") }, "last"), 16);
    return net;
}

static Options resNetOptions()
{
    static const std::string file = smallResNet().file();
    Options options;
    options.backbone = file;
    options.outputs = "last";
    options.longestSide = 160;
    return options;
}

static cv::Size sizeOf(const cv::Mat& computed)
{
    return cv::Size(computed.size[1], computed.size[0]);
}

TRAIN_TEST(blocksMeetAtBottlenecks)
{
    const std::pair<int, const char*> embedded[] = { { 1, "block9" }, { 2, "block8" }, { 3, "block7" }, { 5, "block5" },
                                                     { 12, "data" } };
    for (const auto& expected : embedded)
    {
        Options options;
        options.fineTune = expected.first;
        CV_Assert(createBackbone(options).cut == expected.second);
    }
    const OnnxGraph graph(smallResNet().onnx());
    const char* const cuts[] = { "b_relu", "first", "pool", "data" };
    for (int i = 0; i < 4; i++)
        CV_Assert(findCut(graph, "last", i + 1) == cuts[i]);
    CV_Assert(findCut(graph, "first", 1) == "pool");
    expectThrows([&] { findCut(graph, "last", 5); }, "expected at most 4");
}

TRAIN_TEST(blocksComputeWhatCvDnnDoes)
{
    const std::pair<Options, std::vector<int> > nets[] = { { Options(), { 1, 3, 12 } }, { resNetOptions(), { 1, 2, 3, 4 } } };
    for (const auto& net : nets)
        for (const int count : net.second)
            for (const cv::Size& size : { cv::Size(200, 150), cv::Size(90, 170) })
            {
                Options options = net.first;
                options.fineTune = count;
                const Backbone backbone = createBackbone(options);
                const cv::Mat picture = makePicture(size, 3), computed = backbone.computeOnce(picture);
                cv::Mat expected;
                backbone.net->compute(picture, expected);
                const cv::Mat found = backbone.features(computed);
                CV_Assert(found.size == expected.size && backbone.blocks->grid(sizeOf(computed)) == sizeOf(expected));
                CV_Assert(backbone.channels == expected.size[2] && backbone.blocks->channels() == computed.size[2]);
                expectAtMost(cv::norm(found, expected, cv::NORM_INF), 1e-4, cv::format("%d blocks: difference of features", count));
            }
}

TRAIN_TEST(blocksKeepPicturesOfABatchApart)
{
    Options options = resNetOptions();
    options.fineTune = 3;  // with a stride
    const Backbone backbone = createBackbone(options);
    const std::vector<cv::Size> sizes = { { 9, 13 }, { 14, 6 }, { 9, 13 } };
    Tensor together = torch::full({ 3, 8, 13, 14 }, 1e3f);  // what is outside must not matter
    std::vector<Tensor> alone;
    for (int i = 0; i < 3; i++)
    {
        alone.push_back(torch::randn({ 1, 8, sizes[i].height, sizes[i].width }));
        together[i].narrow(1, 0, sizes[i].height).narrow(2, 0, sizes[i].width).copy_(alone[i][0]);
    }
    const Tensor found = backbone.blocks->forward(together, sizes);
    for (int i = 0; i < 3; i++)
    {
        const Tensor expected = backbone.blocks->forward(alone[i], { sizes[i] });
        const int64_t below = found.size(2) - expected.size(2), beside = found.size(3) - expected.size(3);
        const Tensor padded = torch::constant_pad_nd(expected, { 0, beside, 0, below });
        expectAtMost(maxDifference(found.narrow(0, i, 1), padded), 1e-5, "difference of features");
    }
}

// The size of a picture depends on the stride behind the cut, too.
TRAIN_TEST(cacheTellsCutsApart)
{
    std::set<std::string> fingerprints;
    const std::pair<const char*, int> cuts[] = { { "first", 0 }, { "first", 1 }, { "last", 2 }, { "last", 3 } };
    for (const auto& cut : cuts)
    {
        Options options = resNetOptions();
        options.outputs = cut.first;
        options.fineTune = cut.second;
        const Backbone backbone = createBackbone(options);
        fingerprints.insert(FeatureCache(temporaryFolder(), 1e9, backbone).netFingerprint());
    }
    CV_Assert(fingerprints.size() == 4);
}

TRAIN_TEST(onlyTheLastBlocksAreTrained)
{
    Options options;
    options.fineTune = 2;
    options.net = "3-3";
    options.adapterHidden = 16;
    options.adapterBlocks = 1;
    const Backbone backbone = createBackbone(options);
    CV_Assert(backbone.blocks->writeTo(*backbone.graph) == backbone.onnx);  // not a byte changes without training
    Model model(options, std::vector<float>(112, 0.f), backbone.copyBlocks());
    const cv::Mat computed = backbone.computeOnce(makePicture(cv::Size(200, 150), 1));
    const Tensor features = model->features(makeSide(computed, backbone.blocks->grid(sizeOf(computed)), torch::kCPU));
    (features * torch::randn_like(features)).sum().backward();
    CV_Assert(model->blocks->parameters().size() == 12);  // two blocks of three convolutions with biases
    for (Tensor& p : model->blocks->parameters())
    {
        CV_Assert(p.grad().defined() && p.grad().abs().max().item<double>() > 0);
        torch::NoGradGuard guard;
        p.add_(0.01f);
    }
    for (const Tensor& p : backbone.blocks->parameters())
        CV_Assert(!p.grad().defined());  // a copy is trained
    const OnnxGraph changed(model->blocks->writeTo(*backbone.graph));
    int trained = 0;
    for (const OnnxNode& node : changed.nodesBefore("block10"))
        for (const std::string& name : node.inputs)
            if (changed.isConstant(name))
            {
                const bool isTrained = name.compare(0, 7, "block9_") == 0 || name.compare(0, 8, "block10_") == 0;
                const Tensor before = backbone.graph->values(name);
                expectAtMost(maxDifference(changed.values(name), isTrained ? before + 0.01f : before), isTrained ? 1e-3 : 0,
                             name + ": difference");
                trained += isTrained;
            }
    CV_Assert(trained == 12);
}

TRAIN_TEST(fineTunedModelFilesGiveTheSameFeatures)
{
    for (const char* kind : { "none", "linear", "context" })
        for (Options options : { Options(), resNetOptions() })
        {
            torch::manual_seed(4);
            options.fineTune = 3;
            options.adapter = kind;
            options.adapterHidden = 20;
            const Backbone backbone = createBackbone(options);
            Model model(options, std::vector<float>(backbone.channels, 0.05f), backbone.copyBlocks());
            {
                torch::NoGradGuard guard;
                for (Tensor& p : model->blocks->parameters())
                    p.add_(torch::randn_like(p) * p.abs().mean() * 0.2);
            }
            model->eval();
            const std::string file = temporaryFolder() + "/model.yml";
            saveModel(file, *model, backbone, "a test");
            const cv::Ptr<cv::semcorr::Matcher> matcher = cv::semcorr::Matcher::create(file);
            const cv::Mat picture = makePicture(cv::Size(320, 240), 1), computed = backbone.computeOnce(picture);
            const cv::Size grid = backbone.blocks->grid(sizeOf(computed));
            cv::Mat expected, untrained;
            matcher->getFeatureNet()->compute(picture, expected);
            const Tensor found = model->features(makeSide(computed, grid, torch::kCPU))[0].permute({ 1, 2, 0 }).contiguous();
            expectAtMost(maxDifference(found.detach(), toTensor(expected)), 1e-3, std::string(kind) + ": difference of features");
            backbone.net->compute(picture, untrained);
            CV_Assert(options.adapter != "none" || cv::norm(expected, untrained, cv::NORM_INF) > 0.01);
        }
}

TRAIN_TEST(netsThatCannotBeFineTuned)
{
    Options options = resNetOptions();
    options.fineTune = 1;
    options.outputs = "";
    expectThrows([&] { createBackbone(options); }, "--fine-tune works on one output, but the backbone has 2");
    const auto refused = [](const std::function<std::string(NetWriter&)>& last, const std::string& words)
    {
        NetWriter net(2);
        const std::string x = net.node("Sigmoid", { net.convolution("data", "a", 3, 4, 3) }, "b");  // which may be anything
        net.convolution(x, "frozen", 4, 4, 3);
        net.output(last(net), 4);
        Options o;
        o.backbone = net.file();
        o.fineTune = 1;
        expectThrows([&] { createBackbone(o); }, words);
    };
    refused([](NetWriter& net) { return net.node("Sigmoid", { net.convolution("frozen", "c", 4, 4, 3) }, "odd"); },
            "node \"odd\" (Sigmoid) cannot be trained");
    refused([](NetWriter& net)
            {
                net.convolution("frozen", "c", 4, 4, 3);
                return net.node("MaxPool", { "c" }, "odd", { { "kernel_shape", { 2, 2 } }, { "strange", { 1 } } });
            },
            "node \"odd\" (MaxPool) has the attribute \"strange\"");
    refused([](NetWriter& net)
            {
                return net.node("Conv", { "frozen", "frozen_weight" }, "odd", { { "pads", { 1, 1, 1, 1 } } });
            },
            "constant \"frozen_weight\" serves blocks that are trained and others");
}
