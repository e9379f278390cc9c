// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "adapter.hpp"

#include "opencv2/core.hpp"
#include "tensors.hpp"

namespace train {

static const double NARROW_START = 0.1;  // blocks begin as small changes
enum { CONTEXT_SIDE = 5 };

AdapterImpl::AdapterImpl(const Options& options, const std::vector<float>& mean_)
    : kind(options.adapter), gain(1), reduced(options.precision == "bf16")
{
    const int in = (int)mean_.size(), out = options.adapterChannels ? options.adapterChannels : in;
    const bool identity = options.adapterStart == "identity";
    if (kind == "none")
        return;
    if (identity && in != out)
        CV_Error(cv::Error::StsBadArg, cv::format("--adapter-start=identity with --adapter-channels=%d: expected %d channels, "
                                                  "those of the backbone", out, in));
    torch::NoGradGuard guard;
    if (kind == "linear")
    {
        matrix = register_parameter("matrix", identity ? torch::eye(in) : randomWeight({ out, in }));
        return;
    }
    mean = register_buffer("mean", torch::tensor(mean_));
    setGain();
    first = addConvolution("first", out, in, 1);
    if (identity)
    {
        first.weight.copy_(torch::eye(in).view({ in, in, 1, 1 }));
        first.bias.zero_();
    }
    for (int i = 0; i < options.adapterBlocks; i++)
    {
        const std::string name = "block" + std::to_string(i);
        const int hidden = options.adapterHidden;
        blocks.push_back(Block{ addConvolution(name + "_widen", hidden, out, 1),
                                addConvolution(name + "_context", hidden, 1, CONTEXT_SIDE),
                                addConvolution(name + "_narrow", out, hidden, 1) });
        for (torch::Tensor* t : { &blocks[i].narrow.weight, &blocks[i].narrow.bias })
            t->mul_(identity ? 0 : NARROW_START);
    }
}

void AdapterImpl::setGain()
{
    gain = std::sqrt(mean.numel() / std::max(1e-6, 1 - mean.to(torch::kCPU).square().sum().item<double>()));
}

void AdapterImpl::load(torch::serialize::InputArchive& archive)
{
    torch::nn::Module::load(archive);
    if (kind == "context")
        setGain();
}

std::vector<float> AdapterImpl::centre(const std::vector<float>& otherwise) const
{
    if (kind != "context")
        return otherwise;
    const torch::Tensor values = mean.to(torch::kCPU).contiguous();
    return std::vector<float>(values.data_ptr<float>(), values.data_ptr<float>() + values.numel());
}

void AdapterImpl::mixWithIdentity(double share)
{
    if (share == 1)  // also of an adapter that changes the number of channels, for which there is no identity
        return;
    torch::NoGradGuard guard;
    if (kind == "linear")
        matrix.lerp_(torch::eye(matrix.size(0), matrix.options()), 1 - share);
    if (kind != "context")
        return;
    first.weight.lerp_(torch::eye(first.weight.size(0), first.weight.options()).view_as(first.weight), 1 - share);
    first.bias.mul_(share);
    for (Block& block : blocks)
        for (torch::Tensor* t : { &block.narrow.weight, &block.narrow.bias })
            t->mul_(share);
}

AdapterImpl::Convolution AdapterImpl::addConvolution(const std::string& name, int out, int in, int side)
{
    const double range = 1 / std::sqrt((double)in * side * side);
    return Convolution{ register_parameter(name + "_weight", (torch::rand({ out, in, side, side }) * 2 - 1) * range),
                        register_parameter(name + "_bias", (torch::rand({ out }) * 2 - 1) * range) };
}

// "Same" convolution in x's precision, depth-wise if the kernel is wider than a cell
static torch::Tensor convolve(const torch::Tensor& x, const AdapterImpl::Convolution& c)
{
    const int64_t side = c.weight.size(2), groups = side > 1 ? x.size(1) : 1;
    return torch::conv2d(x, c.weight.to(x.scalar_type()), c.bias.to(x.scalar_type()), 1, side / 2, 1, groups);
}

torch::Tensor AdapterImpl::centred(const torch::Tensor& features) const
{
    return kind == "context" ? (features - mean.view({ 1, -1, 1, 1 })) * gain : features;
}

torch::Tensor AdapterImpl::identity(const torch::Tensor& features, const torch::Tensor& mask) const
{
    return unitLength(centred(features)) * mask;
}

torch::Tensor AdapterImpl::forward(const torch::Tensor& features, const torch::Tensor& mask, const torch::Tensor& dropped)
{
    torch::Tensor y = centred(features);
    if (dropped.defined())
        y = y * dropped;
    if (kind == "linear")
        y = torch::conv2d(y, matrix.unsqueeze(2).unsqueeze(3));
    if (kind == "context")
    {
        const torch::ScalarType type = reduced && is_training() ? torch::kBFloat16 : torch::kFloat;
        y = convolve(y, first);
        for (const Block& block : blocks)
        {
            // zero outside the grid, as the padding is when the picture is alone
            const torch::Tensor wide = torch::relu(convolve(y.to(type), block.widen)).to(torch::kFloat) * mask;
            // depth-wise in single precision: in bfloat16 its gradient takes three times as long
            const torch::Tensor mixed = torch::relu(convolve(wide, block.context));
            y = y + convolve(mixed.to(type), block.narrow);
        }
    }
    return unitLength(y) * mask;
}

}
