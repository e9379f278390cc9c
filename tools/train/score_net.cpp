// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "score_net.hpp"

#include "kernel_sides.hpp"
#include "tensors.hpp"

using torch::Tensor;

namespace train {

ScoreNetImpl::ScoreNetImpl(const Options& options) : radius(0), residual(options.residual), reduced(options.precision == "bf16")
{
    const std::vector<int> sides = kernelSides(options.net);
    for (size_t i = 0; i < sides.size(); i++)
    {
        const int64_t k = sides[i], in = i ? options.netChannels : 1, out = i + 1 < sides.size() ? options.netChannels : 1;
        const std::string name = "layer" + std::to_string(i);
        const double range = 1 / std::sqrt((double)(in * k * k * k * k));
        weights.push_back(register_parameter(name + "_weight", (torch::rand({ out, in, k, k, k, k }) * 2 - 1) * range));
        biases.push_back(register_parameter(name + "_bias", torch::zeros({ out })));
        radius += k / 2;
    }
}

// c(p + u, q) for all u within the radius: n·k × side² × h2 × w2, 0 where p + u is outside the grid
Tensor ScoreNetImpl::correlations(const Tensor& features1, const Tensor& features2, const Tensor& cells) const
{
    const int64_t n = features1.size(0), depth = features1.size(1), k = cells.size(1), side = 2 * radius + 1;
    const Tensor padded = torch::constant_pad_nd(features1, { radius, radius, radius, radius });
    const int64_t h = padded.size(2), w = padded.size(3);
    const Tensor table = padded.permute({ 0, 2, 3, 1 }).reshape({ n * h * w, depth });
    const Tensor around = torch::arange(side, cells.options());
    const Tensor offsets = (around.view({ side, 1 }) * w + around.view({ 1, side })).view({ 1, 1, side * side });
    const Tensor images = torch::arange(n, cells.options()).view({ n, 1, 1 }) * (h * w);
    const Tensor rows = images + (cells.select(2, 1) * w + cells.select(2, 0)).unsqueeze(2) + offsets;
    // embedding, since the gradient of plain indexing is slow and depends on the number of threads
    const Tensor sources = torch::embedding(table, rows.view({ n, k * side * side }));
    const Tensor c = torch::bmm(sources, features2.flatten(2));
    return c.view({ n * k, side * side, features2.size(2), features2.size(3) });
}

// A 4D kernel as a 2D one: from the channels of side×side source cells to those of the cells that have k×k around them.
// weight: out×in×k×k×k×k; returns (after²·out)×(side²·in)×k×k
static Tensor flattenKernel(const Tensor& weight, int64_t side)
{
    const int64_t out = weight.size(0), in = weight.size(1), k = weight.size(2), after = side - k + 1;
    const Tensor sourceLast = weight.permute({ 0, 1, 4, 5, 2, 3 });
    std::vector<Tensor> kernels;
    for (int64_t y = 0; y < after; y++)
        for (int64_t x = 0; x < after; x++)
            kernels.push_back(torch::constant_pad_nd(sourceLast, { x, after - 1 - x, y, after - 1 - y }));
    return torch::stack(kernels).permute({ 0, 1, 5, 6, 2, 3, 4 }).reshape({ after * after * out, side * side * in, k, k });
}

// The last layer, for which a usual convolution would be slow, as it has one output: a product for each of the k×k places of
// the target kernel, shifted and added. x: m×channels×(h+k-1)×(w+k-1); kernel: 1×channels×k×k; returns m×1×h×w
static Tensor lastConvolution(const Tensor& x, const Tensor& kernel)
{
    const int64_t k = kernel.size(2), h = x.size(2) - k + 1, w = x.size(3) - k + 1;
    const Tensor places = kernel.permute({ 2, 3, 1, 0 }).reshape({ k * k, kernel.size(1), 1, 1 });
    const Tensor products = torch::conv2d(x, places).to(torch::kFloat);
    Tensor sum;
    for (int64_t i = 0; i < k * k; i++)
    {
        const Tensor shifted = products.narrow(1, i, 1).narrow(2, i / k, h).narrow(3, i % k, w);
        sum = i ? sum + shifted : shifted;
    }
    return sum;
}

Tensor ScoreNetImpl::forward(const Tensor& features1, const Tensor& features2, const Tensor& cells)
{
    const Tensor c = correlations(features1, features2, cells);
    const int64_t centre = c.size(1) / 2;
    const torch::ScalarType type = reduced && is_training() ? torch::kBFloat16 : torch::kFloat;
    Tensor scores = c.narrow(1, centre, 1) * residual;
    int64_t side = 2 * radius + 1;
    Tensor x = torch::constant_pad_nd(c, { radius, radius, radius, radius }).to(type).contiguous(torch::MemoryFormat::ChannelsLast);
    for (size_t i = 0; i < weights.size(); i++)
    {
        const Tensor kernel = flattenKernel(weights[i], side).to(type);
        side -= weights[i].size(2) - 1;
        if (i + 1 == weights.size())
            scores = scores + lastConvolution(x, kernel) + biases[i].view({ 1, 1, 1, 1 });
        else
            x = torch::relu(torch::conv2d(x, kernel, biases[i].repeat({ side * side }).to(type)));
    }
    return scores.view({ features1.size(0), cells.size(1), c.size(2), c.size(3) });
}

cv::Ptr<cv::semcorr::ConsensusNet> ScoreNetImpl::toConsensusNet() const
{
    using cv::semcorr::ConsensusNet;
    const cv::Ptr<ConsensusNet> net = ConsensusNet::create(cv::semcorr::SYMMETRY_NONE, cv::semcorr::PADDING_INPUT);
    net->setLastActivation(false);
    if (weights.empty())  // a net needs a layer
    {
        const int shape[] = { 1, 1, 1, 1, 1, 1 };
        net->addBlock(cv::Mat(6, shape, CV_32F, cv::Scalar(residual)));
        return net;
    }
    for (size_t i = 0; i < weights.size(); i++)
        net->addBlock(toMat(weights[i]), toMat(biases[i]));
    net->setResidual(residual);
    return net;
}

}
