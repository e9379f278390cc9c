// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "matcher.hpp"
#include "embedded.hpp"
#include "features_io.hpp"
#include "file_io.hpp"
#include "model_io.hpp"
#include "model_node.hpp"

#include <limits>

namespace cv { namespace semcorr {

void MatcherImpl::setProvenance(const String& text)
{
    checkText(text);
    provenance = text;
}

static void writeParams(FileStorage& fs, const Matcher::Params& params)
{
    fs << "search" << "{";
    fs << "mode" << params.mode << "iterations" << params.iterations << "hypotheses" << params.hypotheses;
    fs << "offsets" << params.offsets << "local_radius" << params.localRadius << "random_search" << (int)params.randomSearch;
    fs << "init" << params.init << "seed" << params.seed << "mutual" << (int)params.mutual << "bidirectional" << (int)params.bidirectional;
    fs << "refine" << params.refine << "target" << params.target;
    // a limit that does not fit is no limit
    fs.write("memory_limit", (int64_t)std::min((uint64)params.memoryLimit, (uint64)std::numeric_limits<int64_t>::max()));
    fs << "}";
}

static Matcher::Params readParams(const FileNode& fileNode)
{
    const ModelNode node(fileNode, "search", { "mode", "iterations", "hypotheses", "offsets", "local_radius", "random_search", "init",
                                              "seed", "mutual", "bidirectional", "refine", "target", "memory_limit" });
    const int64 limit = node.getInt64("memory_limit");
    if (limit < 0)
        CV_Error(Error::StsOutOfRange, format("%s is %lld, expected no negative number", node.nameOf("memory_limit").c_str(),
                                              (long long)limit));
    return Matcher::Params(node.getInt("mode"), node.getInt("iterations"), node.getInt("hypotheses"), node.getInt("offsets"),
                           node.getInt("local_radius"), node.getFlag("random_search"), node.getInt("init"), node.getInt("seed"),
                           node.getFlag("mutual"), node.getFlag("bidirectional"), node.getInt("refine"),
                           (size_t)std::min((uint64)limit, (uint64)std::numeric_limits<size_t>::max()), node.getInt("target"));
}

// Biases may have come as rows, columns or channels.
static std::vector<Mat> toColumns(std::vector<Mat> vectors)
{
    for (size_t i = 0; i < vectors.size(); i++)
    {
        const int shape[] = { (int)(vectors[i].total() * vectors[i].channels()), 1 };
        vectors[i] = vectors[i].reshape(1, 2, shape);
    }
    return vectors;
}

void MatcherImpl::write(FileStorage& fs) const
{
    writeVersion(fs);
    writeText(fs, "provenance", provenance);
    writeParams(fs, params);
    writeFeatureNet(fs, "features", featureNet);
    fs << "self_similarity" << "{" << "window" << selfSimilarity.window;
    writeArrays(fs, "weights", selfSimilarity.weights);
    writeArrays(fs, "biases", toColumns(selfSimilarity.biases));
    fs << "}" << "net" << "{";
    net->write(fs);
    fs << "}";
}

// The folder is where a large backbone lies, see writeFeatureNet; `instead` replaces the parameters of the file, which this
// build may not support.
static Ptr<MatcherImpl> readMatcher(const FileNode& fileNode, const String& folder, const Matcher::Params* instead)
{
    checkVersion(fileNode, "semcorr_matcher");
    const ModelNode node(fileNode, "semcorr_matcher",
                         { "version", "provenance", "search", "features", "self_similarity", "net" });
    const Matcher::Params params = instead ? *instead : readParams(node["search"]);
    checkParams(params);
    const Ptr<ConsensusNet> net = ConsensusNet::create();
    net->read(node["net"]);

    const ModelNode branch(node["self_similarity"], "self_similarity", { "window", "weights", "biases" });
    const int window = branch.getInt("window");
    const std::vector<Mat> weights = branch.getArrays("weights", CV_32F, 4), biases = branch.getArrays("biases", CV_32F, 2);
    if ((window == 0) != weights.empty() || weights.empty() != biases.empty())
        CV_Error(Error::StsParseError, format("%s is %d with %d layers, expected 0 without layers only",
                                              branch.nameOf("window").c_str(), window, (int)weights.size()));

    const Ptr<FeatureNet> features = readFeatureNet(node["features"], "features", folder);  // last, since it takes longest
    const Ptr<MatcherImpl> matcher = makePtr<MatcherImpl>(features, net, params);
    matcher->setSelfSimilarity(weights, biases, window);
    matcher->setProvenance(node.getText("provenance"));
    return matcher;
}

void MatcherImpl::read(const FileNode& node)
{
    *this = *readMatcher(node, String(), 0);
}

void MatcherImpl::save(const String& filename) const
{
    writeModelFile(filename, getDefaultName(), [this](FileStorage& fs) { write(fs); });
}

Ptr<Matcher> Matcher::create(const Params& params)
{
    checkParams(params);
    const EmbeddedFile file = embeddedModel();
    Ptr<Matcher> matcher;
    readModel(std::vector<uchar>(file.data, file.data + file.size), "the default model", "semcorr_matcher",
              [&](const FileNode& node) { matcher = readMatcher(node, String(), &params); });
    return matcher;
}

static Ptr<Matcher> loadMatcher(const String& filename, const Matcher::Params* instead)
{
    Ptr<Matcher> matcher;
    readModelFile(filename, "semcorr_matcher",
                  [&](const FileNode& node) { matcher = readMatcher(node, folderOf(filename), instead); });
    return matcher;
}

Ptr<Matcher> Matcher::create(const String& modelFile)
{
    return loadMatcher(modelFile, 0);
}

Ptr<Matcher> Matcher::create(const String& modelFile, const Params& params)
{
    checkParams(params);  // before the file is read
    return loadMatcher(modelFile, &params);
}

}}
