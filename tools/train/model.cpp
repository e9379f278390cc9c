// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "model.hpp"

#include "file_io.hpp"
#include "losses.hpp"
#include "onnx_adapter.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "tensors.hpp"

using cv::semcorr::FeatureNet;
using cv::semcorr::Matcher;
using torch::Tensor;

namespace train {

ModelImpl::ModelImpl(const Options& options, const std::vector<float>& meanFeature, const LastBlocks& blocks_)
    : photoHold(options.photoHold), blocks(blocks_), adapter(register_module("adapter", Adapter(options, meanFeature))),
      method(register_module("method", createMethod(options)))
{
    if (blocks)
        register_module("blocks", blocks);
}

Tensor ModelImpl::beforeAdapter(const Batch::Side& side)
{
    return blocks ? blocks->forward(side.features, side.sizes) : side.features;
}

Tensor ModelImpl::adapted(const Tensor& features, const Batch::Side& side)
{
    return adapter->forward(features, side.mask, is_training() ? side.dropped : Tensor());
}

Tensor ModelImpl::loss(const Batch& batch)
{
    const Tensor others = batch.others.features.defined() ? features(batch.others) : Tensor();
    const Tensor before1 = beforeAdapter(batch.side1), before2 = beforeAdapter(batch.side2);
    const Tensor after1 = adapted(before1, batch.side1), after2 = adapted(before2, batch.side2);
    const Tensor loss = method->loss({ after1, after2, others }, batch);
    if (photoHold == 0)
        return loss;
    const Tensor moved1 = holdLoss(after1, adapter->identity(before1, batch.side1.mask), batch.side1.mask, batch.warped);
    const Tensor moved2 = holdLoss(after2, adapter->identity(before2, batch.side2.mask), batch.side2.mask, batch.warped);
    return loss + photoHold * (moved1 + moved2) / 2;
}

// FeatureNet of the backbone and the adapter. A net that a model file does not hold is written to the folder; `beside` tells where.
static cv::Ptr<FeatureNet> adaptedNet(const ModelImpl& model, const Backbone& backbone, const std::string& folder, std::string& beside)
{
    const AdapterImpl& adapter = *model.adapter;
    static const size_t MAX_STORED = 8 << 20;  // bytes of an ONNX net in a model file
    FeatureNet::Params params = backbone.net->getParams();
    std::vector<uchar> onnx = model.blocks ? model.blocks->writeTo(*backbone.graph) : backbone.onnx;
    if (adapter.kind == "linear")
        params.adapter = toMat(adapter.matrix);
    if (adapter.kind == "context")
    {
        onnx = appendAdapter(onnx, onlyOutput(backbone, "--adapter=context, unlike linear,"), adapter, true);
        params.outputs.assign(1, ADAPTED);
    }
    const size_t known = backbone.file.empty() && !model.blocks ? backbone.onnx.size() : 0;  // the embedded one is not stored
    if (onnx.size() - known <= MAX_STORED)
        return FeatureNet::create(onnx, params);
    // Its name is its content's, so that a model file that is there already keeps its own until it is replaced.
    beside = folder + "backbone-" + cv::semcorr::sha256(onnx.data(), onnx.size()).substr(0, 16) + ".onnx";
    cv::semcorr::saveBytes(beside, std::string(onnx.begin(), onnx.end()));
    return FeatureNet::create(beside, params);
}

std::string saveModel(const std::string& file, const ModelImpl& model, const Backbone& backbone, const std::string& provenance)
{
    std::string beside;
    const cv::Ptr<FeatureNet> features = adaptedNet(model, backbone, cv::semcorr::folderOf(file), beside);
    const cv::Ptr<Matcher> matcher = model.method->toMatcher(features);
    matcher->setProvenance(provenance);
    matcher->save(file);
    return beside;
}

}
