// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "consensus_net.hpp"
#include "model_io.hpp"
#include "model_node.hpp"

namespace cv { namespace semcorr {

enum { MAX_BLOCKS = 256 };  // of a net in a file

void ConsensusNetImpl::write(FileStorage& fs) const
{
    if (getBlockCount() > MAX_BLOCKS)
        CV_Error(Error::StsOutOfRange, format("the net has %d blocks, expected at most %d in a file", getBlockCount(),
                                              (int)MAX_BLOCKS));
    writeVersion(fs);
    fs << "symmetry" << symmetry << "padding" << padding << "last_activation" << (int)lastActivation << "residual" << residual;
    fs.startWriteStruct("blocks", FileNode::SEQ);
    for (int i = 0; i < getBlockCount(); i++)
    {
        std::vector<Mat> weights, biases;
        getBlock(i, weights, biases);
        fs.startWriteStruct(String(), FileNode::MAP);
        fs << "joined" << (int)blocks[i].joined;
        writeArrays(fs, "weights", weights);
        writeArrays(fs, "biases", biases);
        fs.endWriteStruct();
    }
    fs.endWriteStruct();
}

void ConsensusNetImpl::read(const FileNode& fileNode)
{
    checkVersion(fileNode, getDefaultName());
    const ModelNode node(fileNode, "net", { "version", "symmetry", "padding", "last_activation", "residual", "blocks" });
    const Ptr<ConsensusNet> net = ConsensusNet::create(node.getInt("symmetry"), node.getInt("padding"));
    net->setLastActivation(node.getFlag("last_activation"));
    net->setResidual(node.getReal("residual"));
    const std::vector<FileNode> list = node.getList("blocks", MAX_BLOCKS);
    for (size_t i = 0; i < list.size(); i++)
    {
        const ModelNode block(list[i], format("net.blocks[%d]", (int)i), { "joined", "weights", "biases" });
        net->addBlock(block.getArrays("weights", CV_32F, 6), block.getArrays("biases", CV_32F, 2), block.getFlag("joined"));
    }
    *this = *net.dynamicCast<ConsensusNetImpl>();
}

void ConsensusNetImpl::save(const String& filename) const
{
    writeModelFile(filename, getDefaultName(), [this](FileStorage& fs) { write(fs); });
}

Ptr<ConsensusNet> ConsensusNet::load(const String& filename)
{
    const Ptr<ConsensusNet> net = create();
    readModelFile(filename, net->getDefaultName(), [&](const FileNode& node) { net->read(node); });
    return net;
}

}}
