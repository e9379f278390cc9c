// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "dense_net.hpp"

#include "kernel_sides.hpp"
#include "tensors.hpp"
#include "utf8.hpp"

using cv::semcorr::ConsensusNet;
using torch::Tensor;

namespace train {

// Layers with weights of zero
static cv::Ptr<ConsensusNet> netShape(const Options& options)
{
    if (options.method == "ancnet")
    {
        if (options.net != "A" && options.net != "B" && options.net != "C")
            CV_Error(cv::Error::StsBadArg, "--net=" + cv::semcorr::printable(options.net) + ": expected A, B or C with "
                                           "--method=ancnet");
        return ConsensusNet::createPreset(cv::semcorr::PRESET_ANCNET_A + options.net[0] - 'A');
    }
    const std::vector<int> sides = kernelSides(options.net);
    if (sides.empty())
        CV_Error(cv::Error::StsBadArg, "--net=none: expected kernel sides such as 3-3 with --method=ncnet");
    const cv::Ptr<ConsensusNet> net = ConsensusNet::create(cv::semcorr::SYMMETRY_NET, cv::semcorr::PADDING_LAYER);
    for (size_t i = 0; i < sides.size(); i++)
    {
        const int k = sides[i], in = i ? options.netChannels : 1, out = i + 1 < sides.size() ? options.netChannels : 1;
        const int shape[] = { out, in, k, k, k, k };
        net->addBlock(cv::Mat(6, shape, CV_32F, cv::Scalar(0)));
    }
    return net;
}

// Random weights in the usual range; for a net that begins as about the identity, a tenth of them around gain times the mean of the
// channels that go in.
static Tensor startWeight(const std::vector<int64_t>& sizes, bool identity, double gain)
{
    const Tensor noise = randomWeight(sizes);
    if (!identity)
        return noise;
    Tensor centre = torch::zeros(sizes);
    centre.select(5, sizes[5] / 2).select(4, sizes[4] / 2).select(3, sizes[3] / 2).select(2, sizes[2] / 2).fill_(gain / sizes[1]);
    return centre + 0.1 * noise;
}

// Of a net that begins as the identity: its scores, sums of both directions, begin as logits of the size that PMNC's residual gives, 10
// times the correlation or more. Else they would be from 0 to 1, and all cells about as likely.
static const double LAST_GAIN = 5;

DenseNetImpl::DenseNetImpl(const Options& options) : residual(options.residual), reduced(options.precision == "bf16")
{
    const cv::Ptr<ConsensusNet> shape = netShape(options);
    symmetry = shape->getSymmetry();
    const int last = shape->getBlockCount() - 1;
    for (int i = 0; i < shape->getBlockCount(); i++)
    {
        std::vector<cv::Mat> weights, biases;
        shape->getBlock(i, weights, biases);
        blocks.push_back(Block{ {}, {}, shape->isJoined(i) });
        for (size_t j = 0; j < weights.size(); j++)
        {
            const std::string name = "block" + std::to_string(i) + "_" + std::to_string(j);
            const std::vector<int64_t> sizes(weights[j].size.p, weights[j].size.p + weights[j].dims);
            const Tensor weight = startWeight(sizes, options.netStart == "identity", i == last ? LAST_GAIN : 1);
            blocks[i].weights.push_back(register_parameter(name + "_weight", weight));
            blocks[i].biases.push_back(register_parameter(name + "_bias", torch::zeros({ sizes[0] })));
        }
    }
}

// x: h1×n×in×w1×h2×w2; returns h1×n×out×w1×h2×w2. The first dimension is summed up here, 3D convolutions do the others.
// One channel, going in or coming out, is widened by the places of the kernel along the first dimension.
static Tensor conv4d(const Tensor& x, const Tensor& weight, const Tensor& bias)
{
    const int64_t h = x.size(0), n = x.size(1), out = weight.size(0), in = weight.size(1), k = weight.size(2);
    const std::vector<int64_t> pad = { weight.size(3) / 2, weight.size(4) / 2, weight.size(5) / 2 };
    const auto convolve = [&](const Tensor& volumes, const Tensor& kernel)
    {
        const Tensor y = torch::conv3d(volumes.flatten(0, 1), kernel, Tensor(), 1, pad);
        return y.view({ volumes.size(0), n, kernel.size(0), x.size(3), x.size(4), x.size(5) });
    };
    const Tensor padded = torch::constant_pad_nd(x, { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, k / 2, k / 2 });
    Tensor sum;
    if (in == 1)
    {
        std::vector<Tensor> shifted;
        for (int64_t i = 0; i < k; i++)
            shifted.push_back(padded.narrow(0, i, h));
        sum = convolve(torch::cat(shifted, 2), weight.flatten(1, 2));
    }
    else if (out == 1)
    {
        const Tensor places = convolve(padded, weight.select(0, 0).transpose(0, 1));
        for (int64_t i = 0; i < k; i++)
            sum = i ? sum + places.narrow(0, i, h).narrow(2, i, 1) : places.narrow(0, i, h).narrow(2, i, 1);
    }
    else
        for (int64_t i = 0; i < k; i++)
        {
            const Tensor part = convolve(padded.narrow(0, i, h), weight.select(2, i));
            sum = i ? sum + part : part;
        }
    return sum + bias.view({ 1, 1, out, 1, 1, 1 });
}

// Blocks first...last-1. swapped: the net that gives net(c^T)^T, which is the one with swapped kernels
Tensor DenseNetImpl::chain(Tensor x, const Tensor& mask, size_t first, size_t last, bool swapped) const
{
    for (size_t i = first; i < last; i++)
    {
        std::vector<Tensor> parts;
        for (size_t j = 0; j < blocks[i].weights.size(); j++)
        {
            const Tensor weight = swapped ? blocks[i].weights[j].permute({ 0, 1, 4, 5, 2, 3 }) : blocks[i].weights[j];
            parts.push_back(conv4d(x, weight.to(x.scalar_type()), blocks[i].biases[j].to(x.scalar_type())));
        }
        x = torch::relu(torch::cat(parts, 2)) * mask;
    }
    return x;
}

Tensor DenseNetImpl::forward(const Tensor& correlation, const Tensor& mask)
{
    const torch::ScalarType type = reduced && is_training() ? torch::kBFloat16 : torch::kFloat;
    const Tensor inside = mask.transpose(0, 1).unsqueeze(2).to(type);  // h1×n×1×w1×h2×w2
    Tensor x = (correlation * mask).transpose(0, 1).unsqueeze(2).to(type);
    for (size_t first = 0; first < blocks.size();)
    {
        size_t last = first + 1;
        while (last < blocks.size() && (symmetry == cv::semcorr::SYMMETRY_NET || blocks[last].joined))
            last++;
        x = chain(x, inside, first, last, false) + chain(x, inside, first, last, true);
        first = last;
    }
    return x.squeeze(2).transpose(0, 1).to(torch::kFloat) + correlation * mask * residual;
}

cv::Ptr<ConsensusNet> DenseNetImpl::toConsensusNet() const
{
    const cv::Ptr<ConsensusNet> net = ConsensusNet::create(symmetry, cv::semcorr::PADDING_LAYER);
    for (const Block& block : blocks)
    {
        std::vector<cv::Mat> weights, biases;
        for (size_t j = 0; j < block.weights.size(); j++)
        {
            weights.push_back(toMat(block.weights[j]));
            biases.push_back(toMat(block.biases[j]));
        }
        net->addBlock(weights, biases, block.joined);
    }
    net->setResidual(residual);
    return net;
}

}
