//! Services that this process does not have yet: each call of them is answered `unsupported`.

use std::sync::Arc;

use anser_contract::{
    Context,
    v1::{
        AbortUploadReply, AbortUploadRequest, ChangePhoneReply, ChangePhoneRequest, ClaimFilesRequest,
        CompleteUploadRequest, CreateUploadRequest, Entry, ErasePersonReply, ErasePersonRequest, File, FileUsage,
        Files, FindByPhoneRequest, FindByUsernameReply, GetFilesReply, GetFilesRequest, GetUploadRequest,
        GetUsageRequest, HoldFilesReply, HoldFilesRequest, Journal, ListUploadsReply, ListUploadsRequest,
        ListVisibleReply, ListVisibleRequest, LoginByPhoneRequest, LookUpReply, LookUpRequest, MakeAvatarRequest,
        MayReadFilesReply, MayReadFilesRequest, MintDownloadReply, MintDownloadRequest, OpaqueSessions, Phones,
        ReadFileReply, ReadFileRequest, ReadOnReply, ReadOnRequest, RecognizeReply, RecognizeRequest,
        RedeemDownloadReply, RedeemDownloadRequest, RegisterByPhoneRequest, RegisterReply, RequestCodeReply,
        RequestCodeRequest, ResetByPhoneReply, ResetByPhoneRequest, ResolveRequest, Search, SearchMessagesReply,
        SearchMessagesRequest, SearchUsersReply, SearchUsersRequest, SessionClaims, SetTranscriptRequest, Speech,
        TokenReply, TranscribeRequest, Upload, WritePartReply, WritePartRequest,
    },
};
use anser_gateway::ChatroomServices;
use anser_types::{Code, Error, Result};

/// What stands in their place.
pub fn chatroom_services() -> ChatroomServices {
    let absent = Arc::new(Absent);
    ChatroomServices {
        phones: absent.clone(),
        sessions: absent.clone(),
        files: absent.clone(),
        journal: absent.clone(),
        search: absent.clone(),
        speech: absent,
    }
}

struct Absent;

fn absent<T>() -> Result<T> {
    Err(Error::new(Code::Unsupported, "this server does not do that"))
}

macro_rules! absent {
    ($($service:ident { $($method:ident($asked:ty) -> $answered:ty;)* })*) => {$(
        #[async_trait::async_trait]
        impl $service for Absent {
            $(async fn $method(&self, _: &Context, _: $asked) -> Result<$answered> {
                absent()
            })*
        }
    )*};
}

absent! {
    Phones {
        request_code(RequestCodeRequest) -> RequestCodeReply;
        register_by_phone(RegisterByPhoneRequest) -> RegisterReply;
        login_by_phone(LoginByPhoneRequest) -> TokenReply;
        change_phone(ChangePhoneRequest) -> ChangePhoneReply;
        reset_password(ResetByPhoneRequest) -> ResetByPhoneReply;
        find_by_phone(FindByPhoneRequest) -> FindByUsernameReply;
    }
    OpaqueSessions {
        resolve(ResolveRequest) -> SessionClaims;
    }
    Files {
        create_upload(CreateUploadRequest) -> Upload;
        write_part(WritePartRequest) -> WritePartReply;
        get_upload(GetUploadRequest) -> Upload;
        list_uploads(ListUploadsRequest) -> ListUploadsReply;
        complete_upload(CompleteUploadRequest) -> File;
        abort_upload(AbortUploadRequest) -> AbortUploadReply;
        get_files(GetFilesRequest) -> GetFilesReply;
        read_file(ReadFileRequest) -> ReadFileReply;
        claim_files(ClaimFilesRequest) -> GetFilesReply;
        hold_files(HoldFilesRequest) -> HoldFilesReply;
        make_avatar(MakeAvatarRequest) -> File;
        get_usage(GetUsageRequest) -> FileUsage;
        mint_download(MintDownloadRequest) -> MintDownloadReply;
        redeem_download(RedeemDownloadRequest) -> RedeemDownloadReply;
        erase_files(ErasePersonRequest) -> ErasePersonReply;
    }
    Journal {
        read_on(ReadOnRequest) -> ReadOnReply;
        list_visible(ListVisibleRequest) -> ListVisibleReply;
        look_up(LookUpRequest) -> LookUpReply;
        may_read_files(MayReadFilesRequest) -> MayReadFilesReply;
        set_transcript(SetTranscriptRequest) -> Entry;
    }
    Search {
        search_messages(SearchMessagesRequest) -> SearchMessagesReply;
        search_users(SearchUsersRequest) -> SearchUsersReply;
    }
    Speech {
        recognize(RecognizeRequest) -> RecognizeReply;
        transcribe(TranscribeRequest) -> RecognizeReply;
    }
}
