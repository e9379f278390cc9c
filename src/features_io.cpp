// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "features_io.hpp"
#include "embedded.hpp"
#include "features.hpp"
#include "file_io.hpp"
#include "model_node.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "utf8.hpp"

namespace cv { namespace semcorr {

static const size_t MAX_STORED = 8 << 20;  // bytes of an ONNX net that a model file holds itself

// values of `source`
static const char EMBEDDED[] = "embedded", STORED[] = "stored", BESIDE[] = "beside";
static const char EMBEDDED_NAME[] = "efficientnet_lite0_block10";

static void checkBareName(const String& name)
{
    if (name.empty() || name.find_first_of("/\\:") != String::npos || name[0] == '.' || name.size() > 255)
        CV_Error(Error::StsBadArg, format("the backbone's file name is \"%s\", expected a bare name without '/', '\\' and ':' "
                                          "that does not begin with '.'", printable(name).c_str()));
}

static bool beginsWithEmbedded(const std::vector<uchar>& onnx)
{
    const EmbeddedFile file = embeddedBackbone();
    return onnx.size() >= file.size && std::equal(file.data, file.data + file.size, onnx.begin());
}

// From byte `first` on, as 32-bit words in little-endian order, which take FileStorage a quarter of the memory and time of bytes
static std::vector<Mat> toWords(const std::vector<uchar>& bytes, size_t first)
{
    const size_t size = bytes.size() - first;
    Mat words = Mat::zeros(1, (int)((size + 3) / 4), CV_32S);
    for (size_t i = 0; i < size; i++)
        words.at<int>((int)(i / 4)) |= (int)((unsigned)bytes[first + i] << (8 * (i % 4)));
    return std::vector<Mat>(size ? 1 : 0, words);
}

// Adds the stored bytes until there are `onnx_bytes`
static void appendStored(const ModelNode& node, std::vector<uchar>& bytes)
{
    const std::vector<Mat> words = node.getArrays("onnx", CV_32S, 2);
    const int total = node.getInt("onnx_bytes");
    const int64 size = total - (int64)bytes.size(), stored = words.empty() ? 0 : (int64)words[0].total();
    if (words.size() > 1 || total < 1 || size < 0 || (size + 3) / 4 != stored || (stored && words[0].rows != 1))
        CV_Error(Error::StsUnmatchedSizes, format("%s is %d, expected %d bytes and as many as the words of %s hold",
                                                  node.nameOf("onnx_bytes").c_str(), total, (int)bytes.size(),
                                                  node.nameOf("onnx").c_str()));
    for (int i = 0; i < (int)size; i++)
        bytes.push_back((uchar)((unsigned)words[0].at<int>(i / 4) >> (8 * (i % 4))));
}

static void writeParams(FileStorage& fs, const FeatureNet::Params& params)
{
    writeTexts(fs, "outputs", params.outputs);
    fs << "input_width" << params.inputSize.width << "input_height" << params.inputSize.height;
    fs << "longest_side" << params.longestSide << "stride" << params.stride;
    writeReals(fs, "mean", params.mean);
    writeReals(fs, "scale", params.scale);
    fs << "swap_rb" << (int)params.swapRB << "prefix_tokens" << params.prefixTokens;
    writeArrays(fs, "adapter", std::vector<Mat>(params.adapter.empty() ? 0 : 1, params.adapter));
    fs << "backend" << params.backend << "target" << params.target;
}

static FeatureNet::Params readParams(const ModelNode& node)
{
    FeatureNet::Params params;
    params.outputs = node.getTexts("outputs");
    params.inputSize = Size(node.getInt("input_width"), node.getInt("input_height"));
    params.longestSide = node.getInt("longest_side");
    params.stride = node.getInt("stride");
    params.mean = node.getScalar("mean");
    params.scale = node.getScalar("scale");
    params.swapRB = node.getFlag("swap_rb");
    params.prefixTokens = node.getInt("prefix_tokens");
    const std::vector<Mat> adapter = node.getArrays("adapter", CV_32F, 2);
    if (adapter.size() > 1)
        CV_Error(Error::StsBadSize, format("%s holds %d arrays, expected at most one", node.nameOf("adapter").c_str(),
                                           (int)adapter.size()));
    if (!adapter.empty())
        params.adapter = adapter[0];
    params.backend = node.getInt("backend");
    params.target = node.getInt("target");
    return params;
}

void writeFeatureNet(FileStorage& fs, const String& key, const Ptr<FeatureNet>& featureNet)
{
    const Ptr<FeatureNetImpl> net = featureNet.dynamicCast<FeatureNetImpl>();
    if (!net)
        CV_Error(Error::StsBadArg, "the FeatureNet is of a class of its own and cannot be saved, expected one made by "
                                   "FeatureNet::create");
    const std::vector<uchar>& onnx = net->onnx();
    const size_t known = beginsWithEmbedded(onnx) ? embeddedBackbone().size : 0;  // bytes that need not be stored
    const bool stored = onnx.size() - known <= MAX_STORED, embedded = known > 0 && stored;
    const String name = embedded ? EMBEDDED_NAME : stored ? String() : net->file().substr(folderOf(net->file()).size());
    if (!stored)
    {
        if (name.empty())
            CV_Error(Error::StsBadArg, format("the backbone has %lld bytes and came from memory; a model file holds at most "
                                              "%lld, expected a larger one to be made from a file beside the model",
                                              (long long)onnx.size(), (long long)MAX_STORED));
        checkBareName(name);
    }
    fs.startWriteStruct(key, FileNode::MAP);
    writeText(fs, "source", embedded ? EMBEDDED : stored ? STORED : BESIDE);
    writeText(fs, "name", name);
    writeText(fs, "sha256", sha256(&onnx[0], embedded ? known : onnx.size()));
    fs << "onnx_bytes" << (int)onnx.size();
    writeArrays(fs, "onnx", stored ? toWords(onnx, known) : std::vector<Mat>());
    writeParams(fs, net->getParams());
    fs.endWriteStruct();
}

static void checkSum(const String& title, const uchar* bytes, size_t size, const ModelNode& node)
{
    const String expected = node.getText("sha256"), found = size ? sha256(bytes, size) : String();
    if (found != expected)
        CV_Error(Error::StsParseError, format("%s has the SHA-256 %s, expected %s: it is another one than the model was made with",
                                              title.c_str(), found.c_str(), printable(expected).c_str()));
}

// The bytes of the net; `file` becomes the path that they were read from, if any.
static std::vector<uchar> findBytes(const ModelNode& node, const String& folder, String& file)
{
    const String source = node.getText("source"), name = node.getText("name");
    std::vector<uchar> bytes;
    if (source == EMBEDDED)
    {
        if (name != EMBEDDED_NAME)
            CV_Error(Error::StsObjectNotFound, format("the embedded backbone is called \"%s\", expected \"%s\"",
                                                      printable(name).c_str(), EMBEDDED_NAME));
        const EmbeddedFile embedded = embeddedBackbone();
        checkSum("the backbone embedded in this module", embedded.data, embedded.size, node);
        bytes.assign(embedded.data, embedded.data + embedded.size);
        appendStored(node, bytes);
        return bytes;
    }
    if (source == STORED)
    {
        appendStored(node, bytes);
        checkSum("the backbone", bytes.data(), bytes.size(), node);
        return bytes;
    }
    if (source != BESIDE)
        CV_Error(Error::StsParseError, format("%s is \"%s\", expected \"%s\", \"%s\" or \"%s\"", node.nameOf("source").c_str(),
                                              printable(source).c_str(), EMBEDDED, STORED, BESIDE));
    checkBareName(name);
    file = folder + name;
    bytes = loadBytes(file, MAX_ONNX);
    checkSum("the backbone " + printable(file), bytes.data(), bytes.size(), node);
    return bytes;
}

Ptr<FeatureNet> readFeatureNet(const FileNode& fileNode, const String& name, const String& folder)
{
    const ModelNode node(fileNode, name, { "source", "name", "sha256", "onnx_bytes", "onnx", "outputs", "input_width",
                                           "input_height", "longest_side", "stride", "mean", "scale", "swap_rb",
                                           "prefix_tokens", "adapter", "backend", "target" });
    const FeatureNet::Params params = readParams(node);
    checkParams(params);
    String file;
    const std::vector<uchar> onnx = findBytes(node, folder, file);
    return makePtr<FeatureNetImpl>(onnx, file, params);
}

}}
